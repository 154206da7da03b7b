// A plan as text: TOML in, canonical JSON in and out. Both readers apply one validation, so that a
// plan from the network is as checked as one from a file. Every error is InvalidArgument and names
// the field and its bound; from TOML also file and line ("plan.toml:12: training.steps is 0, must
// be 1 to 1000000"). Unknown keys are errors.
#pragma once

#include "base/canonical_json.h"
#include "model/plan/plan.h"

namespace veilsum::model {

inline constexpr std::size_t kMaxPlanBytes = std::size_t{1} << 20;

// `file` is only for messages.
absl::StatusOr<Plan> ParsePlanToml(std::string_view text, std::string_view file);
// Reads and parses; NotFound when there is no such file.
absl::StatusOr<Plan> ReadPlanFile(const std::string& path);

// Canonical JSON with every field present, defaults filled in.
std::string PlanToJson(const Plan& plan);
// Accepts exactly what PlanToJson writes.
absl::StatusOr<Plan> PlanFromJson(std::string_view json);

// What the plan is called everywhere: SHA-256 of PlanToJson (SE-01).
Hash32 PlanSha256(const Plan& plan);

}  // namespace veilsum::model
