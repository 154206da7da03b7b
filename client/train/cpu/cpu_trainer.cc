#include "client/train/cpu/cpu_trainer.h"

#include "client/train/cpu/engine.h"

namespace veilsum::client {
namespace {

class CpuTrainer final : public Trainer {
 public:
  explicit CpuTrainer(std::unique_ptr<cpu::Engine> engine) : engine_(std::move(engine)) {}

  absl::StatusOr<dp::ClippedSum> GradientSum(const model::ModelVector& model,
                                             std::span<const std::uint32_t> customers,
                                             const StepShape& shape) override {
    VEILSUM_ASSIGN_OR_RETURN(std::vector<std::int64_t> grid,
                             engine_->GridSum(model, customers, shape));
    return dp::ClippedSum::FromCertifiedContributions(std::move(grid));
  }

 private:
  std::unique_ptr<cpu::Engine> engine_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Trainer>> MakeCpuTrainer(const model::Layout& layout,
                                                        const model::Examples& examples,
                                                        std::uint32_t max_rows) {
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<cpu::Engine> engine,
                           cpu::Engine::Create(layout, examples, max_rows, cpu::BestKernels()));
  return std::unique_ptr<Trainer>(std::make_unique<CpuTrainer>(std::move(engine)));
}

std::string_view CpuEnginePath() { return cpu::BestKernels().name; }

}  // namespace veilsum::client
