// A model as an ONNX file (github.com/onnx/onnx, docs/IR.md, docs/Operators.md), with the
// standardisation of its inputs and its bags in the graph: inputs are encoded features, as
// preprocess.json says. The bytes are a function of the arguments alone.
#pragma once

#include <string_view>

#include "model/layout.h"
#include "model/plan/plan.h"

namespace veilsum::release {

inline constexpr std::int64_t kOnnxIrVersion = 10;
inline constexpr std::int64_t kOnnxOpset = 22;

// How matrices and tables are kept. Biases, means and scales stay float32, and so does arithmetic.
enum class Precision { kFloat32, kFloat16, kInt8 };
std::string_view PrecisionName(Precision precision);  // fp32, fp16, int8

// Inputs, where the plan has such features: "numeric" float [N, numeric], "active" int64 [N,
// categorical], "list<i>.ids" int64 and "list<i>.weights" float [N, slots]. Outputs: "logits" [N,
// outputs], and "probability" of a binary plan's. `model` has layout.size() numbers and `layout`
// is that of `plan`. Initialisers have the names and shapes of the safetensors file.
std::string WriteOnnx(const model::Plan& plan, const model::Layout& layout,
                      const model::ModelVector& model, Precision precision);

// The model that such a file computes with: every number as it is after rounding, float32.
model::ModelVector RoundedTo(Precision precision, const model::Layout& layout,
                             const model::ModelVector& model);

}  // namespace veilsum::release
