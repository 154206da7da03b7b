#include "model/contract/cohorts.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace veilsum::model {
namespace {

constexpr double kTail = 0x1p-40;

Hash32 RankOf(std::string_view beacon, std::string_view member) {
  return Transcript("veilsum/v1/cohort")
      .AddU32(static_cast<std::uint32_t>(beacon.size()))
      .AddText(beacon)
      .AddText(member)
      .Sha256();
}

absl::Status CheckMemberList(const Cohorts& cohorts, const std::vector<std::string>& members) {
  if (cohorts.beacon.empty()) return absl::OkStatus();
  const std::string hash = HexEncode(MembersSha256(members));
  if (hash != cohorts.members_sha256)
    return FailedPrecondition(
        "SA-45: cohorts.members_sha256 is %s, that of the run's %d members is %s",
        cohorts.members_sha256, members.size(), hash);
  return absl::OkStatus();
}

// C of the whole federation (SE-04).
std::uint32_t FederationColluders(const Aggregation& wanted,
                                  const std::vector<std::string>& members) {
  if (wanted.colluders != 0) return wanted.colluders;
  return std::max(
      {1u, static_cast<std::uint32_t>(members.size() / 5), SeatsOfLargestTenant(members)});
}

absl::Status CheckColluders(const Plan& plan, const RunContract& contract, std::size_t index,
                            const std::vector<std::string>& all) {
  const Cohort& cohort = contract.cohorts[index];
  absl::StatusOr<ResolvedAggregation> least =
      ResolveCohort(plan, plan.aggregation, all, cohort.members);
  if (!least.ok()) return Annotate(least.status(), absl::StrFormat("cohorts[%d]", index));
  if (cohort.colluders < least->colluders)
    return PermissionDenied("SA-02: contract: cohorts[%d].colluders is %d, must be at least %d",
                            index, cohort.colluders, least->colluders);
  return absl::OkStatus();
}

}  // namespace

std::uint32_t SeatsOfLargestTenant(const std::vector<std::string>& members) {
  std::map<std::string_view, std::uint32_t> seats;
  std::uint32_t largest = 0;
  for (const std::string& member : members)
    largest =
        std::max(largest, ++seats[std::string_view(member).substr(0, member.rfind("/client/"))]);
  return largest;
}

Hash32 MembersSha256(std::vector<std::string> members) {
  std::ranges::sort(members);
  Transcript list("veilsum/v1/members");
  for (const std::string& member : members) list.AddText(member).AddText("\n");
  return list.Sha256();
}

absl::StatusOr<std::vector<std::vector<std::string>>> AssignCohorts(
    const Plan& plan, std::vector<std::string> members) {
  std::ranges::sort(members);
  if (!plan.cohorts) return std::vector<std::vector<std::string>>{std::move(members)};
  VEILSUM_RETURN_IF_ERROR(CheckMemberList(*plan.cohorts, members));
  std::vector<std::pair<Hash32, const std::string*>> ranked;
  for (const std::string& member : members)
    ranked.emplace_back(RankOf(plan.cohorts->beacon, member), &member);
  std::ranges::sort(ranked);
  std::vector<std::vector<std::string>> cohorts(plan.cohorts->count);
  for (std::size_t rank = 0; rank < ranked.size(); ++rank)
    cohorts[rank % cohorts.size()].push_back(*ranked[rank].second);
  for (std::vector<std::string>& cohort : cohorts) std::ranges::sort(cohort);
  return cohorts;
}

// Weights relative to the mode by the recurrence p(k + 1) / p(k), so that nothing under- or
// overflows where it counts.
std::uint32_t CorruptInCohort(std::uint32_t members, std::uint32_t corrupt, std::uint32_t size,
                              std::uint32_t cohorts) {
  VEILSUM_CHECK(size <= members && corrupt <= members && cohorts > 0);
  const std::uint32_t honest = members - corrupt;
  const std::uint32_t least = size > honest ? size - honest : 0;
  const std::uint32_t most = std::min(size, corrupt);
  const auto next_over = [&](std::uint32_t k) {  // p(k + 1) / p(k)
    return (double(corrupt) - k) * (double(size) - k) /
           ((double(k) + 1) * (double(honest) - size + k + 1));
  };
  std::vector<double> weights(most - least + 1, 0);
  std::uint32_t mode = least;
  while (mode < most && next_over(mode) >= 1) ++mode;
  weights[mode - least] = 1;
  for (std::uint32_t k = mode; k < most; ++k)
    weights[k + 1 - least] = weights[k - least] * next_over(k);
  for (std::uint32_t k = mode; k > least; --k)
    weights[k - 1 - least] = weights[k - least] / next_over(k - 1);
  double total = 0;
  for (const double weight : weights) total += weight;
  const double allowed = kTail / cohorts * total;
  double tail = 0;
  for (std::uint32_t c = most; c > least; --c) {
    tail += weights[c - least];
    if (tail > allowed) return c;
  }
  return least;
}

absl::StatusOr<ResolvedAggregation> ResolveCohort(const Plan& plan, const Aggregation& wanted,
                                                  const std::vector<std::string>& all,
                                                  const std::vector<std::string>& cohort) {
  const auto n = static_cast<std::uint32_t>(cohort.size());
  const std::uint32_t seats = SeatsOfLargestTenant(cohort);
  if (!plan.cohorts) return ResolveAggregation(wanted, n, seats);
  Aggregation here = wanted;
  here.colluders = FederationColluders(wanted, all);
  const auto members = static_cast<std::uint32_t>(all.size());
  if (here.colluders > members)
    return FailedPrecondition("aggregation.colluders is %d, must be at most the %d members",
                              here.colluders, members);
  if (!plan.cohorts->beacon.empty())
    here.colluders =
        std::max({1u, seats, CorruptInCohort(members, here.colluders, n, plan.cohorts->count)});
  return ResolveAggregation(here, n, seats);
}

absl::Status CheckCohorts(const Plan& plan, const RunContract& contract) {
  const std::size_t count = plan.cohorts ? plan.cohorts->count : 1;
  if (contract.cohorts.size() != count)
    return PermissionDenied("SA-45: contract: %d cohorts, must be the plan's %d",
                            contract.cohorts.size(), count);
  if (!plan.cohorts) return absl::OkStatus();
  const std::vector<std::string> all = MembersOf(contract);
  VEILSUM_ASSIGN_OR_RETURN(const auto assigned, AssignCohorts(plan, all));
  for (std::size_t g = 0; g < count; ++g) {
    if (contract.cohorts[g].members != assigned[g])
      return PermissionDenied(
          "SA-45: contract: cohorts[%d].members are not those that the plan assigns to it", g);
    VEILSUM_RETURN_IF_ERROR(CheckColluders(plan, contract, g, all));
  }
  return absl::OkStatus();
}

std::vector<std::string> MembersOf(const RunContract& contract) {
  std::vector<std::string> all;
  for (const Cohort& cohort : contract.cohorts)
    all.insert(all.end(), cohort.members.begin(), cohort.members.end());
  return all;
}

absl::StatusOr<std::size_t> CohortOfMember(const RunContract& contract, std::string_view member) {
  for (std::size_t g = 0; g < contract.cohorts.size(); ++g)
    if (std::ranges::binary_search(contract.cohorts[g].members, member)) return g;
  return NotFound("%s is no member of the run %s", member, contract.run_id);
}

}  // namespace veilsum::model
