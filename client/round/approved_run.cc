#include "client/round/approved_run.h"

#include <algorithm>

#include "base/crypto/sha256.h"
#include "model/plan/plan_format.h"

namespace veilsum::client {

absl::StatusOr<ApprovedRun> ApprovedRun::Check(const std::string& plan_json,
                                               const std::string& contract_json, const Own& own) {
  VEILSUM_ASSIGN_OR_RETURN(model::Plan plan, model::PlanFromJson(plan_json));
  VEILSUM_RETURN_IF_ERROR(model::CheckRunnable(plan));
  VEILSUM_ASSIGN_OR_RETURN(model::RunContract contract, model::ContractFromJson(contract_json));
  if (contract.plan_sha256 != Sha256(plan_json))
    return InvalidArgument("contract: plan_sha256 is not that of the plan offered");
  model::Layout layout = model::LayoutOf(plan);
  ApprovedRun run(std::move(plan), std::move(contract), model::ContractHash(contract_json),
                  std::move(layout));
  VEILSUM_RETURN_IF_ERROR(run.CheckMembership(own));
  VEILSUM_ASSIGN_OR_RETURN(run.privacy_,
                           model::CheckCohortPrivacy(run.plan_, run.contract_, run.cohort_));
  return run;
}

absl::Status ApprovedRun::CheckMembership(const Own& own) {
  if (contract_.federation != own.federation)
    return PermissionDenied("contract: federation is \"%s\", mine is \"%s\"", contract_.federation,
                            own.federation);
  if (contract_.ca_sha256 != own.ca_sha256)
    return PermissionDenied("contract: ca_sha256 is not the CA that I pin");
  VEILSUM_ASSIGN_OR_RETURN(cohort_, model::CohortOfMember(contract_, own.seat));
  VEILSUM_ASSIGN_OR_RETURN(size_class_, model::SizeClassOfMember(contract_, own.seat));
  VEILSUM_ASSIGN_OR_RETURN(padded_customers_, model::PaddedCustomers(plan_, size_class_));
  return absl::OkStatus();
}

absl::StatusOr<secure_agg::SessionParams> ApprovedRun::SessionTerms() const {
  secure_agg::ContractTerms terms{
      .contract_hash = contract_hash_,
      .members = cohort().members,
      .colluders = static_cast<std::uint16_t>(cohort().colluders),
      .min_survivors = static_cast<std::uint16_t>(cohort().min_survivors),
      .min_members = 0,
      .slots = static_cast<std::uint16_t>(plan_.aggregation.key_batch),
      .sums = {}};
  for (const model::SumSpec& sum : contract_.sums) {
    VEILSUM_ASSIGN_OR_RETURN(const secure_agg::RingBits bits, secure_agg::ParseRingBits(sum.bits));
    terms.sums.push_back({bits, sum.dimension});
  }
  return secure_agg::SessionParams::Create(std::move(terms));
}

}  // namespace veilsum::client
