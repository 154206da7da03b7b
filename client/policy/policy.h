// A merchant's own rules for the contracts that its client approves by itself (SE-02, SE-12).
// Default deny: a limit that the file does not state is not assumed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace veilsum::client {

// TOML keys of the same names; an unknown key is an error.
struct Policy {
  double epsilon_cap = 0;
  double delta_cap = 0;
  std::vector<std::string>
      allowed_plans;  // names; with both lists empty every plan within the caps is allowed
  std::vector<std::string> allowed_plan_sha256;  // lower-case hex
  bool allow_no_privacy = false;                 // SE-12: demos and tests only
  std::uint64_t minimum_customers = 0;  // fewer training customers than this: decline (SE-15)
  // What all runs together may cost the customers who train, for good (SE-08). Fixed by the first
  // run that is approved. Not stated (0): the smallest budget that admits that first run, so that
  // there is no second one.
  double block_epsilon = 0, block_delta = 0;  // both or none
  std::uint64_t block_order = 0;              // a*, 2 to dp::kLargestBlockOrder; not stated (0):
                                              // fits most such runs
};

struct PlanFacts {
  std::string plan_name;
  std::string plan_sha256;  // lower-case hex
  double epsilon = 0;       // of one customer by the claim; ignored when the plan is not private
  double delta = 0;
  bool is_private = true;
  std::uint64_t customers = 0;  // of this merchant, for training
  // The plan draws its cohorts by a beacon, and counts on nobody having known it when the members
  // were fixed. Only a person can know that: such a plan must be in allowed_plan_sha256.
  bool has_beacon = false;
};

// InvalidArgument naming file, line and key. epsilon_cap and delta_cap are required unless
// allow_no_privacy is true.
absl::StatusOr<Policy> ParsePolicy(std::string_view toml, std::string_view source_name);
absl::StatusOr<Policy> LoadPolicy(const std::filesystem::path& file);

// PermissionDenied with the rule and both numbers, starting with a stable code:
// POLICY_PLAN, POLICY_BEACON, POLICY_EPSILON, POLICY_DELTA, POLICY_NO_PRIVACY, POLICY_CUSTOMERS.
absl::Status CheckPolicy(const Policy& policy, const PlanFacts& facts);

}  // namespace veilsum::client
