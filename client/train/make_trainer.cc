#include "client/train/make_trainer.h"

#include "client/train/centre_trainer.h"
#include "client/train/cpu/cpu_trainer.h"

namespace veilsum::client {

absl::StatusOr<std::unique_ptr<Trainer>> MakeTrainer(const model::Layout& layout,
                                                     const model::Examples& examples,
                                                     std::uint32_t max_rows, model::Heads heads,
                                                     double dropout) {
  if (heads.empty() || heads.front().loss != model::Loss::kCentres)
    return MakeCpuTrainer(layout, examples, max_rows, std::move(heads), dropout);
  VEILSUM_ASSIGN_OR_RETURN(auto trainer, CentreTrainer::Create(layout, examples, max_rows));
  return std::unique_ptr<Trainer>(std::move(trainer));
}

}  // namespace veilsum::client
