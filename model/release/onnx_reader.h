// Looks at an ONNX file as at something hostile: only what a released model needs is accepted, so
// that a runtime is never handed anything else.
#pragma once

#include <set>
#include <string>

#include "base/status.h"

namespace veilsum::release {

inline constexpr std::size_t kMaxOnnxBytes = std::size_t{256} << 20;

struct OnnxSummary {
  std::int64_t opset = 0;
  std::set<std::string> operators;
  std::set<std::string> inputs, outputs;
};

// Refusals: M504, naming it, for what is no such file, an unknown field of any message (external
// data, functions, subgraphs, sparse tensors are unknown), another domain or opset, an operator or
// type that is not on the list, more than 4096 nodes or tensors, a tensor whose shape does not fit
// its bytes, a name defined twice or used before it is there; M505 for a number that is not finite.
absl::StatusOr<OnnxSummary> CheckOnnx(std::string_view file);

}  // namespace veilsum::release
