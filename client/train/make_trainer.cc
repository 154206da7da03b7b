#include "client/train/make_trainer.h"

#include "client/train/centre_trainer.h"
#include "client/train/cpu/cpu_trainer.h"
#include "client/train/device/device_trainer.h"
#include "client/train/device/net_of.h"

namespace veilsum::client {

absl::StatusOr<std::unique_ptr<Trainer>> MakeTrainer(const model::Layout& layout,
                                                     const model::Examples& examples,
                                                     std::uint32_t max_rows, model::Heads heads,
                                                     double dropout, const Devices& devices) {
  if (heads.empty()) heads.push_back({});
  if (heads.front().loss == model::Loss::kCentres) {
    VEILSUM_ASSIGN_OR_RETURN(auto trainer, CentreTrainer::Create(layout, examples, max_rows));
    return std::unique_ptr<Trainer>(std::move(trainer));
  }
  if (devices.names.empty())
    return MakeCpuTrainer(layout, examples, max_rows, std::move(heads), dropout);
  VEILSUM_ASSIGN_OR_RETURN(const torch_engine::Net net, NetOf(layout, heads));
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<DeviceSums> sums, OpenDevices(net, devices));
  return MakeDeviceTrainer(layout, examples, max_rows, heads, dropout, std::move(sums),
                           devices.names.size());
}

}  // namespace veilsum::client
