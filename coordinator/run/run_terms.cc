#include "coordinator/run/run_terms.h"

#include <algorithm>
#include <numeric>

#include "model/plan/plan_format.h"

namespace veilsum::coordinator {
namespace {

absl::StatusOr<std::map<std::string, std::uint64_t>> SizeClassesOf(
    const admin::v1::StartRunRequest& request) {
  if (request.members_size() != request.size_classes_size())
    return InvalidArgument("members: %d, size_classes: %d, must be as many", request.members_size(),
                           request.size_classes_size());
  std::map<std::string, std::uint64_t> sizes;
  for (int i = 0; i < request.members_size(); ++i)
    if (!sizes.emplace(request.members(i), request.size_classes(i)).second)
      return InvalidArgument("members[%d], %s, is given twice", i, request.members(i));
  return sizes;
}

model::Aggregation WantedAggregation(const model::Plan& plan,
                                     const admin::v1::StartRunRequest& request) {
  model::Aggregation wanted = plan.aggregation;
  if (request.colluders() != 0) wanted.colluders = request.colluders();
  if (request.min_survivors() != 0) wanted.min_survivors = request.min_survivors();
  return wanted;
}

// The cohorts that the plan assigns (SA-45), with their thresholds (SE-04).
absl::StatusOr<std::vector<model::Cohort>> CohortsOf(const model::Plan& plan,
                                                     const admin::v1::StartRunRequest& request) {
  VEILSUM_ASSIGN_OR_RETURN(const auto sizes, SizeClassesOf(request));
  const model::Aggregation wanted = WantedAggregation(plan, request);
  const std::vector<std::string> all(request.members().begin(), request.members().end());
  VEILSUM_ASSIGN_OR_RETURN(auto assigned, model::AssignCohorts(plan, all));
  std::vector<model::Cohort> cohorts;
  for (std::vector<std::string>& members : assigned) {
    VEILSUM_ASSIGN_OR_RETURN(const model::ResolvedAggregation aggregation,
                             model::ResolveCohort(plan, wanted, all, members));
    model::Cohort cohort;
    for (const std::string& member : members) cohort.size_classes.push_back(sizes.at(member));
    cohort.members = std::move(members);
    cohort.colluders = aggregation.colluders;
    cohort.min_survivors = aggregation.min_survivors;
    cohorts.push_back(std::move(cohort));
  }
  return cohorts;
}

std::string RunIdOf(const model::Plan& plan, const admin::v1::StartRunRequest& request) {
  Transcript facts("veilsum/v1/run");
  facts.AddText(request.plan()).AddU64(request.seed());
  for (const std::string& member : request.members()) facts.AddU8(0).AddText(member);
  return "run-" + HexEncode(facts.Add(model::PlanSha256(plan)).Sha256()).substr(0, 16);
}

absl::StatusOr<std::shared_ptr<const secure_agg::SessionParams>> SessionOf(
    const model::Plan& plan, const model::RunContract& contract, const model::Cohort& cohort,
    const Hash32& contract_hash) {
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
  model::RunContract contract;
  contract.plan_sha256 = model::PlanSha256(plan);
  contract.run_id = RunIdOf(plan, request);
  contract.federation = federation.name;
  contract.ca_sha256 = federation.ca_sha256;
  contract.is_private = plan.is_private();
  VEILSUM_ASSIGN_OR_RETURN(contract.cohorts, CohortsOf(plan, request));
  VEILSUM_ASSIGN_OR_RETURN(const dp::RunPrivacy privacy, model::CalibrateCohorts(plan, contract));
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
  for (const model::Cohort& cohort : terms.contract_.cohorts) {
    for (const std::string& member : cohort.members)
      terms.cohort_of_[member] = terms.sessions_.size();
    VEILSUM_ASSIGN_OR_RETURN(auto session,
                             SessionOf(terms.plan_, terms.contract_, cohort, terms.contract_hash_));
    terms.sessions_.push_back(std::move(session));
  }
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
