#include "coordinator/run/run_terms.h"

#include <algorithm>
#include <numeric>

#include "model/plan/plan_format.h"

namespace veilsum::coordinator {
namespace {

// Members with their size classes, in ascending order of URI, as the contract lists them.
absl::StatusOr<model::Cohort> CohortOf(const admin::v1::StartRunRequest& request) {
  if (request.members_size() != request.size_classes_size())
    return InvalidArgument("members: %d, size_classes: %d, must be as many", request.members_size(),
                           request.size_classes_size());
  std::vector<int> order(static_cast<std::size_t>(request.members_size()));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](int i) -> const std::string& { return request.members(i); });
  model::Cohort cohort;
  for (const int i : order) {
    cohort.members.push_back(request.members(i));
    cohort.size_classes.push_back(request.size_classes(i));
  }
  return cohort;
}

model::Aggregation WantedAggregation(const model::Plan& plan,
                                     const admin::v1::StartRunRequest& request) {
  model::Aggregation wanted = plan.aggregation;
  if (request.colluders() != 0) wanted.colluders = request.colluders();
  if (request.min_survivors() != 0) wanted.min_survivors = request.min_survivors();
  return wanted;
}

std::string RunIdOf(const model::Plan& plan, const admin::v1::StartRunRequest& request) {
  Transcript facts("veilsum/v1/run");
  facts.AddText(request.plan()).AddU64(request.seed());
  for (const std::string& member : request.members()) facts.AddU8(0).AddText(member);
  return "run-" + HexEncode(facts.Add(model::PlanSha256(plan)).Sha256()).substr(0, 16);
}

absl::StatusOr<std::shared_ptr<const secure_agg::SessionParams>> SessionOf(
    const model::Plan& plan, const model::RunContract& contract, const Hash32& contract_hash) {
  const model::Cohort& cohort = contract.cohorts.front();
  secure_agg::ContractTerms terms;
  terms.contract_hash = contract_hash;
  terms.members = cohort.members;
  terms.colluders = static_cast<std::uint16_t>(cohort.colluders);
  terms.min_survivors = static_cast<std::uint16_t>(cohort.min_survivors);
  terms.slots = static_cast<std::uint16_t>(plan.aggregation.key_batch);
  for (const model::SumSpec& sum : contract.sums) {
    VEILSUM_ASSIGN_OR_RETURN(const secure_agg::RingBits bits, secure_agg::ParseRingBits(sum.bits));
    terms.sums.push_back({bits, sum.dimension});
  }
  VEILSUM_ASSIGN_OR_RETURN(secure_agg::SessionParams params,
                           secure_agg::SessionParams::Create(std::move(terms)));
  return std::make_shared<const secure_agg::SessionParams>(std::move(params));
}

}  // namespace

absl::StatusOr<RunTerms> RunTerms::Create(const admin::v1::StartRunRequest& request,
                                          const FederationFacts& federation) {
  VEILSUM_ASSIGN_OR_RETURN(const model::Plan plan, model::PlanFromJson(request.plan()));
  VEILSUM_RETURN_IF_ERROR(model::CheckRunnable(plan));
  VEILSUM_ASSIGN_OR_RETURN(model::Cohort cohort, CohortOf(request));
  VEILSUM_ASSIGN_OR_RETURN(
      const model::ResolvedAggregation aggregation,
      model::ResolveAggregation(WantedAggregation(plan, request),
                                static_cast<std::uint32_t>(cohort.members.size()),
                                model::SeatsOfLargestTenant(cohort.members)));
  cohort.colluders = aggregation.colluders;
  cohort.min_survivors = aggregation.min_survivors;
  VEILSUM_ASSIGN_OR_RETURN(const dp::RunPrivacyInput input,
                           model::PrivacyInputOf(plan, cohort.size_classes, aggregation));
  VEILSUM_ASSIGN_OR_RETURN(const dp::RunPrivacy privacy, dp::CalibrateRun(input));
  model::RunContract contract;
  contract.plan_sha256 = model::PlanSha256(plan);
  contract.run_id = RunIdOf(plan, request);
  contract.federation = federation.name;
  contract.ca_sha256 = federation.ca_sha256;
  contract.is_private = plan.is_private();
  contract.cohorts = {std::move(cohort)};
  contract.sums = model::SumsOf(plan, privacy);
  VEILSUM_ASSIGN_OR_RETURN(std::string json, model::ContractToJson(contract));
  return Restore(request.plan(), std::move(json));
}

absl::StatusOr<RunTerms> RunTerms::Restore(std::string plan_json, std::string contract_json) {
  VEILSUM_ASSIGN_OR_RETURN(model::Plan plan, model::PlanFromJson(plan_json));
  VEILSUM_ASSIGN_OR_RETURN(model::RunContract contract, model::ContractFromJson(contract_json));
  model::Layout layout = model::LayoutOf(plan);
  RunTerms terms(std::move(plan), std::move(contract), std::move(layout));
  terms.plan_json_ = std::move(plan_json);
  terms.contract_json_ = std::move(contract_json);
  terms.contract_hash_ = model::ContractHash(terms.contract_json_);
  VEILSUM_ASSIGN_OR_RETURN(terms.session_,
                           SessionOf(terms.plan_, terms.contract_, terms.contract_hash_));
  VEILSUM_ASSIGN_OR_RETURN(const model::CheckedPrivacy checked,
                           model::CheckPrivacy(terms.plan_, terms.contract_));
  terms.privacy_ = checked.statement;
  const dp::RunPrivacy privacy{terms.contract_.is_private, checked.noise.training,
                               checked.noise.statistics, checked.statement,
                               checked.noise.evaluation};
  VEILSUM_ASSIGN_OR_RETURN(dp::EpsilonMeter meter,
                           dp::EpsilonMeter::Create(checked.input, privacy));
  terms.meter_ = std::make_shared<const dp::EpsilonMeter>(std::move(meter));
  return terms;
}

std::uint64_t RunTerms::last_training_round() const {
  const auto sum = &model::TrainingSum(contract_) - contract_.sums.data();
  return model::LastRoundOf(contract_, static_cast<std::size_t>(sum));
}

double RunTerms::EpsilonAfter(const model::AttemptsByPurpose& attempts) const {
  return meter_->After(attempts.statistics, attempts.training, attempts.evaluation);
}

}  // namespace veilsum::coordinator
