// The contract of a small plan among members that a test invents.
#pragma once

#include "coordinator/run/run_terms.h"
#include "tests/unit/model/small_plan.h"

namespace veilsum::coordinator {

inline admin::v1::StartRunRequest SmallRequest(const model::SmallPlan& plan, std::size_t members,
                                               const std::string& tenants = "m") {
  admin::v1::StartRunRequest request;
  request.set_plan(model::PlanToJson(model::MakeSmallPlan(plan)));
  for (const std::string& seat : model::SmallSeats(members, tenants)) {
    request.add_members(seat);
    request.add_size_classes(16);
  }
  request.set_seed(1);
  return request;
}

inline RunTerms SmallTerms(const model::SmallPlan& plan, std::size_t members,
                           const std::string& tenants = "m") {
  absl::StatusOr<RunTerms> terms =
      RunTerms::Create(SmallRequest(plan, members, tenants), {"fed.test", Hash32{7}});
  VEILSUM_CHECK(terms.ok());
  return *std::move(terms);
}

// Mode none without statistics: quick, and every round is a training round.
inline model::SmallPlan QuickPlan() {
  model::SmallPlan plan;
  plan.is_private = plan.statistics = false;
  plan.steps = 3;
  plan.attempts_max = 8;
  return plan;
}

}  // namespace veilsum::coordinator
