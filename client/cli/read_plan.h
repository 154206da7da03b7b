// The plan that client.toml names, for what a merchant looks at before a run.
#pragma once

#include "client/cli/config.h"
#include "model/plan/plan.h"

namespace veilsum::client {

// TOML or canonical JSON. InvalidArgument: none is named, or it is no plan; NotFound: no such file.
absl::StatusOr<model::Plan> ReadPlan(const ClientConfig& config);

}  // namespace veilsum::client
