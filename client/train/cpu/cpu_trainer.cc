#include "client/train/cpu/cpu_trainer.h"

#include "base/secure_rng.h"
#include "client/train/cpu/engine.h"
#include "client/train/random_slots.h"

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
      slots = RandomSlots(customers.size(), shape.padded_customers, rng_);
    engine_->SetStepKey(rng_.NewSecret<32>());
    VEILSUM_ASSIGN_OR_RETURN(std::vector<std::int64_t> grid,
                             engine_->GridSum(model, customers, shape, slots));
    return dp::ClippedSum::FromCertifiedContributions(std::move(grid));
  }

 private:
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
