#include "client/train/cpu/cpu_trainer.h"

#include <numeric>

#include "base/secure_rng.h"
#include "client/train/cpu/engine.h"

namespace veilsum::client {
namespace {

class CpuTrainer final : public Trainer {
 public:
  explicit CpuTrainer(std::unique_ptr<cpu::Engine> engine) : engine_(std::move(engine)) {}

  absl::StatusOr<dp::ClippedSum> GradientSum(const model::ModelVector& model,
                                             std::span<const std::uint32_t> customers,
                                             const StepShape& shape) override {
    std::vector<std::uint32_t> slots;
    if (customers.size() <= shape.padded_customers)
      slots = RandomSlots(customers.size(), shape.padded_customers);
    engine_->SetStepKey(rng_.NewSecret<32>());
    VEILSUM_ASSIGN_OR_RETURN(std::vector<std::int64_t> grid,
                             engine_->GridSum(model, customers, shape, slots));
    return dp::ClippedSum::FromCertifiedContributions(std::move(grid));
  }

 private:
  // `count` of the slots, uniform without replacement. The whole permutation is drawn, whatever
  // the count: work has a public shape (DP-06).
  std::vector<std::uint32_t> RandomSlots(std::size_t count, std::uint32_t padded) {
    std::vector<std::uint32_t> words(padded), slots(padded);
    const auto draw = [this](std::span<std::uint32_t> some) {
      rng_.Fill({reinterpret_cast<std::uint8_t*>(some.data()), some.size_bytes()});
    };
    draw(words);
    std::iota(slots.begin(), slots.end(), 0u);
    for (std::uint32_t i = 0; i < padded; ++i) {
      const std::uint32_t left = padded - i;
      // Lemire 2019: words that would make a remainder more likely are drawn anew.
      while (std::uint32_t{words[i] * left} < -left % left) draw({&words[i], 1});
      std::swap(slots[i], slots[i + (std::uint64_t{words[i]} * left >> 32)]);
    }
    slots.resize(count);
    return slots;
  }

  SystemRng rng_;
  std::unique_ptr<cpu::Engine> engine_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Trainer>> MakeCpuTrainer(const model::Layout& layout,
                                                        const model::Examples& examples,
                                                        std::uint32_t max_rows, model::Heads heads,
                                                        double dropout) {
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<cpu::Engine> engine,
                           cpu::Engine::Create(layout, examples, max_rows, cpu::BestKernels(),
                                               std::move(heads), dropout));
  return std::unique_ptr<Trainer>(std::make_unique<CpuTrainer>(std::move(engine)));
}

std::string_view CpuEnginePath() { return cpu::BestKernels().name; }

}  // namespace veilsum::client
