// The documents of a release that follow from its plan and model. Internal to model/release.
#pragma once

#include "model/layout.h"
#include "model/plan/plan.h"
#include "model/release/package.h"

namespace veilsum::release {

// What a caller gives and gets: raw columns and the output.
std::string SchemaJson(const model::Plan& plan);
// How columns become the inputs of model.onnx, by name and place.
std::string PreprocessJson(const model::Plan& plan, const model::Layout& layout);
Json InputsJson(const model::Plan& plan, const model::Layout& layout);
Json OutputsJson(const model::Plan& plan, const model::Layout& layout);

// The logits of the self-test's rows, which are made from the layout alone: numbers between -1 and
// 1 and ids from FNV-1a of their place. The first output of each row.
std::vector<float> SelfTestLogits(const model::Plan& plan, const model::Layout& layout,
                                  const model::ModelVector& model);
std::string SelfTestJson(const std::vector<float>& logits);
// InvalidArgument: another form.
absl::StatusOr<std::vector<float>> ParseSelfTest(std::string_view json);

std::string CardJson(const Manifest& manifest, const model::Plan& plan, const Json& privacy,
                     const Json& metrics);
std::string ProvenanceJson(const ReleaseInput& input, std::string_view model_sha256);

}  // namespace veilsum::release
