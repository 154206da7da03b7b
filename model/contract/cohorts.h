// Runs of more members than one secure sum holds: the plan splits them into cohorts, each a secure
// sum of its own with its own C, U_min and noise floor, and the coordinator adds the noised sums.
// The assignment follows from plan and member list alone, so every client recomputes it (SA-45).
// Theory: the hypergeometric tail of a random split of a population with a fixed corrupt part.
#pragma once

#include "model/contract/run_contract.h"
#include "model/plan/aggregation.h"
#include "model/plan/plan.h"

namespace veilsum::model {

// How many of the members' SPIFFE URIs (.../tenant/<tid>/client/<cid>) belong to the tenant with
// the most seats (SE-03).
std::uint32_t SeatsOfLargestTenant(const std::vector<std::string>& members);

// SHA-256 of "veilsum/v1/members", a zero byte and for each member, ascending, its URI and a line
// feed: what a plan with a beacon names before the beacon is drawn.
Hash32 MembersSha256(std::vector<std::string> members);

// The cohorts of `members`, each ascending. Members are ranked by SHA-256 of "veilsum/v1/cohort", a
// zero byte, the length of the beacon (u32), the beacon and the URI; rank r goes to cohort r modulo
// the plan's count, so that sizes differ by one at most. Without a [cohorts] section all are in
// one. FailedPrecondition: with a beacon, another member list than the plan names.
absl::StatusOr<std::vector<std::vector<std::string>>> AssignCohorts(
    const Plan& plan, std::vector<std::string> members);

// The least c such that a cohort of `size` out of `members`, drawn at random when `corrupt` of them
// are, holds more than c corrupt ones with probability at most 2^-40 / cohorts: the union over all
// cohorts stays below 2^-40. Needs size <= members, corrupt <= members.
std::uint32_t CorruptInCohort(std::uint32_t members, std::uint32_t corrupt, std::uint32_t size,
                              std::uint32_t cohorts);

// Thresholds of one cohort of a run. C is that of the whole federation (SE-04: the plan's, or
// max(1, floor(N/5), seats of the largest tenant)); with a beacon its tail in this cohort, if that
// is less, and at least the seats of its largest tenant. U_min is the plan's or SE-04's default at
// this size. `all`: every member of the run. Errors of ResolveAggregation, naming the cohort.
absl::StatusOr<ResolvedAggregation> ResolveCohort(const Plan& plan, const Aggregation& wanted,
                                                  const std::vector<std::string>& all,
                                                  const std::vector<std::string>& cohort);

// SA-45: the contract's cohorts are those of the plan for the contract's members.
// SA-02: C of no cohort is below what ResolveCohort makes of the plan. PermissionDenied (thresholds
// that no cohort can have: FailedPrecondition) naming the cohort, the value and its bound.
absl::Status CheckCohorts(const Plan& plan, const RunContract& contract);

// All members of all cohorts.
std::vector<std::string> MembersOf(const RunContract& contract);
// The place of the member's cohort. NotFound when it is no member.
absl::StatusOr<std::size_t> CohortOfMember(const RunContract& contract, std::string_view member);

}  // namespace veilsum::model
