// What a run is: plan and contract, and everything that follows from them. Immutable once made.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dp/mechanism/distributed_gaussian.h"
#include "model/contract/privacy_terms.h"
#include "model/contract/round_schedule.h"
#include "secure_agg/params.h"
#include "veilsum/admin/v1/admin.pb.h"

namespace veilsum::coordinator {

// Of the federation that this coordinator serves.
struct FederationFacts {
  std::string name;  // trust domain
  Hash32 ca_sha256{};
};

class RunTerms {
 public:
  // Writes the contract: resolves thresholds (SE-04) and calibrates the noise (DP-03).
  // InvalidArgument or FailedPrecondition naming what cannot be: the plan, a member's URI, too few
  // members, no noise that keeps the claim.
  static absl::StatusOr<RunTerms> Create(const admin::v1::StartRunRequest& request,
                                         const FederationFacts& federation);
  // From the texts of a store.
  static absl::StatusOr<RunTerms> Restore(std::string plan_json, std::string contract_json);

  const std::string& plan_json() const { return plan_json_; }
  const std::string& contract_json() const { return contract_json_; }
  const model::Plan& plan() const { return plan_; }
  const model::RunContract& contract() const { return contract_; }
  std::size_t cohorts() const { return contract_.cohorts.size(); }
  // The cohort of a member; must be one.
  std::size_t CohortOf(const std::string& seat) const { return cohort_of_.at(seat); }
  const std::map<std::string, std::size_t>& members() const { return cohort_of_; }
  const Hash32& contract_hash() const { return contract_hash_; }
  const model::Layout& layout() const { return layout_; }
  // The secure sum of one cohort: its members and thresholds, the same sums and slots in all.
  const std::shared_ptr<const secure_agg::SessionParams>& session(std::size_t cohort = 0) const {
    return sessions_[cohort];
  }
  const dp::PrivacyStatement& privacy() const { return privacy_; }
  std::uint64_t last_training_round() const;
  // What attempts have cost, whatever became of them (SE-07).
  double EpsilonAfter(const model::AttemptsByPurpose& attempts) const;

 private:
  RunTerms(model::Plan plan, model::RunContract contract, model::Layout layout)
      : plan_(std::move(plan)), contract_(std::move(contract)), layout_(std::move(layout)) {}

  std::string plan_json_, contract_json_;
  model::Plan plan_;
  model::RunContract contract_;
  Hash32 contract_hash_{};
  model::Layout layout_;
  std::vector<std::shared_ptr<const secure_agg::SessionParams>> sessions_;  // by cohort
  std::map<std::string, std::size_t> cohort_of_;
  dp::PrivacyStatement privacy_{};
  std::shared_ptr<const dp::EpsilonMeter> meter_;
};

}  // namespace veilsum::coordinator
