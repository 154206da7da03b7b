// A run that this client has agreed to: the plan, the contract, and what it checked before it
// signed (SE-02). After this, nothing that a coordinator sends can change a number of it (SA-42).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/policy/policy.h"
#include "dp/mechanism/distributed_gaussian.h"
#include "model/contract/privacy_terms.h"
#include "secure_agg/params.h"

namespace veilsum::client {

class ApprovedRun {
 public:
  // What the client knows without the coordinator.
  struct Own {
    std::string seat;  // its SPIFFE URI
    std::string federation;
    Hash32 ca_sha256;  // of the pinned root's DER
  };
  // Parses both texts and checks: the plan is the contract's by hash, this build can run it, this
  // seat is a member, the CA is the pinned one, cohorts are the plan's (SA-45), thresholds are at
  // least SE-04's, and the stated noise keeps the plan's claim (DP-01, DP-03, DP-04).
  // InvalidArgument or PermissionDenied with the field; nothing is assumed that was not recomputed.
  static absl::StatusOr<ApprovedRun> Check(const std::string& plan_json,
                                           const std::string& contract_json, const Own& own);

  const model::Plan& plan() const { return plan_; }
  const model::RunContract& contract() const { return contract_; }
  const Hash32& contract_hash() const { return contract_hash_; }
  // The one this seat is in: the secure sum it takes part in, and whose floors protect it.
  const model::Cohort& cohort() const { return contract_.cohorts[cohort_]; }
  const model::Layout& layout() const { return layout_; }
  const dp::PrivacyStatement& privacy() const { return privacy_->statement; }
  const dp::RunPrivacyInput& privacy_input() const { return privacy_->input; }
  const dp::ClaimedNoise& noise() const { return privacy_->noise; }
  std::uint64_t size_class() const { return size_class_; }
  std::uint32_t padded_customers() const { return padded_customers_; }
  // The secure sum's terms, from the contract alone.
  absl::StatusOr<secure_agg::SessionParams> SessionTerms() const;

 private:
  ApprovedRun(model::Plan plan, model::RunContract contract, Hash32 hash, model::Layout layout)
      : plan_(std::move(plan)),
        contract_(std::move(contract)),
        contract_hash_(hash),
        layout_(std::move(layout)) {}
  absl::Status CheckMembership(const Own& own);

  model::Plan plan_;
  model::RunContract contract_;
  Hash32 contract_hash_;
  model::Layout layout_;
  std::optional<model::CheckedPrivacy> privacy_;  // set by Check
  std::size_t cohort_ = 0;
  std::uint64_t size_class_ = 0;
  std::uint32_t padded_customers_ = 0;
};

}  // namespace veilsum::client
