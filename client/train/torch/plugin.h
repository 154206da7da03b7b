// What libveilsum_torch.so is to the program that loads it: the engine behind functions of plain
// arrays, so that the program needs no libtorch, and the two may be built with different ABIs of
// std::string.
#pragma once

#include <cstddef>
#include <cstdint>

#include "client/train/torch/batch.h"

namespace veilsum::client::torch_engine {

inline constexpr std::uint32_t kPluginVersion = 1;
inline constexpr char kPluginSymbol[] = "veilsum_torch_plugin";

// A message goes to `error`, `size` bytes with the final zero, cut where it is longer.
struct Plugin {
  std::uint32_t version;
  // As DeviceGroup::Create; null: refused. Products are made by one thread of the host.
  void* (*open)(const Net& net, const char* const* devices, std::size_t count, char* error,
                std::size_t size);
  // As DeviceGroup::Sum.
  bool (*sum)(void* group, const float* model, const Batch& batch, double clip_norm, double* sum,
              char* error, std::size_t size);
  void (*close)(void* group);
};

}  // namespace veilsum::client::torch_engine
