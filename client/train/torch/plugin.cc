#include "client/train/torch/plugin.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "client/train/torch/device_group.h"

namespace veilsum::client::torch_engine {
namespace {

void Tell(const std::string& message, char* error, std::size_t size) {
  if (size == 0) return;
  const std::size_t length = std::min(message.size(), size - 1);
  std::copy_n(message.data(), length, error);
  error[length] = 0;
}

void* Open(const Net& net, const char* const* devices, std::size_t count, char* error,
           std::size_t size) {
  at::set_num_threads(1);
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", 0);  // cuBLAS: the same order in every run
  std::string message;
  auto group = DeviceGroup::Create(net, {devices, devices + count}, message);
  Tell(message, error, size);
  return group.release();
}

bool Sum(void* group, const float* model, const Batch& batch, double clip_norm, double* sum,
         char* error, std::size_t size) {
  std::string message;
  const bool summed = static_cast<DeviceGroup*>(group)->Sum(model, batch, clip_norm, sum, message);
  Tell(message, error, size);
  return summed;
}

void Close(void* group) { delete static_cast<DeviceGroup*>(group); }

}  // namespace
}  // namespace veilsum::client::torch_engine

extern "C" __attribute__((visibility("default"))) const veilsum::client::torch_engine::Plugin*
veilsum_torch_plugin() {
  using namespace veilsum::client::torch_engine;
  static constexpr Plugin kPlugin = {kPluginVersion, Open, Sum, Close};
  return &kPlugin;
}
