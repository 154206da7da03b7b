// Clipped sums on devices, whoever makes them.
#pragma once

#include <memory>
#include <span>

#include "base/status.h"
#include "client/train/torch/batch.h"

namespace veilsum::client {

class DeviceSums {
 public:
  virtual ~DeviceSums() = default;
  // As torch_engine::DeviceGroup::Sum, of the model's parameters. Internal with the device's own
  // words, which hold none of the batch's numbers: budget was spent on the step, so nobody tries
  // again by himself.
  virtual absl::Status Sum(const float* parameters, const torch_engine::Batch& batch,
                           double clip_norm, std::span<double> sum) = 0;
};

// Which devices a client trains on.
struct Devices {
  std::vector<std::string> names;  // "cuda:0"; none: the CPU engine
  std::string library;             // libveilsum_torch.so; empty: the one beside the program
};

// Loads the library, once for a process. FailedPrecondition: it is not there or of another version,
// or a device is not there. InvalidArgument: a net it cannot run.
absl::StatusOr<std::unique_ptr<DeviceSums>> OpenDevices(const torch_engine::Net& net,
                                                        const Devices& devices);

}  // namespace veilsum::client
