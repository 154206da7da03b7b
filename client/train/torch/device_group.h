// Several devices of one merchant: each sums its part of the customers, in a thread of its own. Why
// threads and not torch's distributed package: docs/decisions/0038-devices.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/train/torch/torch_engine.h"

namespace veilsum::client::torch_engine {

class DeviceGroup {
 public:
  // A device as for TorchEngine, at least one; the same one may be in it twice. Errors as there.
  static std::unique_ptr<DeviceGroup> Create(const Net& net,
                                             const std::vector<std::string>& devices,
                                             std::string& error);

  // As TorchEngine::Sum, over all devices: which customers a device has depends on how many there
  // are alone, and the devices' sums are added in their order. When one fails the message
  // is the first one's that did, and `sum` is not written.
  bool Sum(const float* model, const Batch& batch, double clip_norm, double* sum,
           std::string& error);

 private:
  std::vector<std::unique_ptr<TorchEngine>> engines_;
};

}  // namespace veilsum::client::torch_engine
