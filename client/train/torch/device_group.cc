#include "client/train/torch/device_group.h"

#include <algorithm>
#include <thread>

namespace veilsum::client::torch_engine {
namespace {

struct Share {
  Batch batch;
  std::vector<double> sum;
  std::string error;
  bool summed = false;
};

}  // namespace

std::unique_ptr<DeviceGroup> DeviceGroup::Create(const Net& net,
                                                 const std::vector<std::string>& devices,
                                                 std::string& error) {
  error = devices.empty() ? "devices: none are named" : "";
  auto group = std::make_unique<DeviceGroup>();
  for (const std::string& device : devices) {
    group->engines_.push_back(TorchEngine::Create(net, device, error));
    if (!group->engines_.back()) break;
  }
  return error.empty() ? std::move(group) : nullptr;
}

bool DeviceGroup::Sum(const float* model, const Batch& batch, double clip_norm, double* sum,
                      std::string& error) {
  const Net& net = engines_.front()->net();
  error = BatchError(net, batch);
  if (!error.empty()) return false;
  const std::size_t customers = batch.customers(), devices = engines_.size();
  std::vector<Share> shares(devices);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < devices; ++i) {
      const std::size_t first = customers * i / devices, end = customers * (i + 1) / devices;
      shares[i].batch = batch.Part(net, first, end - first);
      shares[i].sum.resize(Parameters(net));
      threads.emplace_back([&, i] {
        Share& share = shares[i];
        share.summed =
            engines_[i]->Sum(model, share.batch, clip_norm, share.sum.data(), share.error);
      });
    }
  }
  for (const Share& share : shares) {
    error = share.error;
    if (!share.summed) return false;
  }
  for (std::size_t k = 0; k < Parameters(net); ++k) {
    double total = 0;
    for (const Share& share : shares) total += share.sum[k];
    sum[k] = total;
  }
  return true;
}

}  // namespace veilsum::client::torch_engine
