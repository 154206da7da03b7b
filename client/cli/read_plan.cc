#include "client/cli/read_plan.h"

#include "base/file.h"
#include "model/plan/plan_format.h"

namespace veilsum::client {

absl::StatusOr<model::Plan> ReadPlan(const ClientConfig& config) {
  if (config.plan.empty()) return InvalidArgument("plan.file is missing: preflight needs the plan");
  if (config.plan.extension() == ".toml") return model::ReadPlanFile(config.plan.string());
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(config.plan, model::kMaxPlanBytes));
  return model::PlanFromJson(text);
}

}  // namespace veilsum::client
