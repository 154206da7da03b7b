// Models as .safetensors files (huggingface/safetensors: u64 little-endian header length, JSON
// header, tensor bytes). Reading treats the file as hostile: header <= 1 MiB, <= 4096 tensors, F32
// only, ranges in order, disjoint and covering.
#pragma once

#include <map>

#include "model/layout.h"

namespace veilsum::model {

inline constexpr std::size_t kMaxSafetensorsHeader = std::size_t{1} << 20;
inline constexpr std::size_t kMaxSafetensorsTensors = 4096;

// The file's bytes: tensors named and shaped as in `layout`, in its order, all F32; `metadata` as
// __metadata__. `model` must have layout.size() numbers.
Bytes WriteSafetensors(const Layout& layout, const ModelVector& model,
                       const std::map<std::string, std::string>& metadata);

struct Safetensors {
  std::vector<Tensor> tensors;  // in the order of their bytes; offsets into `values`
  ModelVector values;           // every number finite
  std::map<std::string, std::string> metadata;
};

// InvalidArgument naming what is wrong; nothing is allocated on the word of the file.
absl::StatusOr<Safetensors> ReadSafetensors(ByteView file);
// As above, and the tensors must be those of `layout`.
absl::StatusOr<ModelVector> ReadModel(ByteView file, const Layout& layout);

}  // namespace veilsum::model
