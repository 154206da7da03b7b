// What becomes of a release, told to a coordinator that serves: into its ledger (Admin.Record),
// with the approvals that this needs (Admin.Approve).
#pragma once

#include "client/rpc/admin_client.h"
#include "coordinator/rollout/rollout.h"
#include "model/release/package.h"

namespace veilsum::cli {

// Each is idempotent. FailedPrecondition with a finding's code: the ledger's rules forbid it, or it
// is not approved by two operators (S211).
absl::Status RecordPublished(client::AdminClient& admin, const release::Release& release);
// Of a transition to revoked also the revocation.
absl::Status RecordTransition(client::AdminClient& admin, const coordinator::RolloutSpec& spec,
                              const coordinator::Transition& transition);
absl::Status RecordRevoked(client::AdminClient& admin, std::string_view digest,
                           const std::string& reason);
// As the operator of `admin`: that the release (hex) becomes stable on the rollout, or, without
// one, that it is revoked. Who has approved so far, and how many have to.
absl::StatusOr<admin::v1::ApproveResponse> Approve(client::AdminClient& admin,
                                                   std::string_view digest,
                                                   const std::string& rollout_id);

}  // namespace veilsum::cli
