#include "cli/release/release_ledger.h"

#include "base/crypto/sha256.h"

namespace veilsum::cli {
namespace {

// Of 32 bytes in hex.
absl::StatusOr<std::string> DigestBytes(std::string_view hex) {
  VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes, HexDecode(hex));
  VEILSUM_ASSIGN_OR_RETURN(const Hash32 digest, ParseFixed<32>("digest", ByteView(bytes)));
  return std::string(AsText(digest));
}

}  // namespace

absl::Status RecordPublished(client::AdminClient& admin, const release::Release& release) {
  admin::v1::RecordRequest request;
  admin::v1::ReleasePublished& published = *request.mutable_published();
  published.set_run_id(release.manifest.run_id);
  published.set_model_id(release.manifest.model_id);
  published.set_version(release.manifest.version);
  published.set_release_counter(release.manifest.release_counter);
  published.set_release_sha256(std::string(AsText(release.digest)));
  published.set_manifest_sha256(std::string(AsText(Sha256(release.manifest.ToJson()))));
  published.set_model_sha256(std::string(AsText(model::ModelHash(release.model))));
  return admin.Record(request).status();
}

absl::Status RecordTransition(client::AdminClient& admin, const coordinator::RolloutSpec& spec,
                              const coordinator::Transition& transition) {
  if (transition.to == coordinator::Stage::kRevoked)
    VEILSUM_RETURN_IF_ERROR(RecordRevoked(admin, spec.digest, transition.reason));
  admin::v1::RecordRequest request;
  admin::v1::RolloutTransition& moved = *request.mutable_transition();
  VEILSUM_ASSIGN_OR_RETURN(*moved.mutable_release_sha256(), DigestBytes(spec.digest));
  moved.set_rollout_id(spec.rollout_id);
  moved.set_from(std::string(StageName(transition.from)));
  moved.set_to(std::string(StageName(transition.to)));
  moved.set_percent(transition.percent);
  moved.set_reason(transition.reason);
  if (!transition.gate_report.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(*moved.mutable_gate_report_sha256(),
                             DigestBytes(transition.gate_report));
  }
  return admin.Record(request).status();
}

absl::Status RecordRevoked(client::AdminClient& admin, std::string_view digest,
                           const std::string& reason) {
  admin::v1::RecordRequest request;
  VEILSUM_ASSIGN_OR_RETURN(*request.mutable_revoked()->mutable_release_sha256(),
                           DigestBytes(digest));
  request.mutable_revoked()->set_reason(reason);
  return admin.Record(request).status();
}

absl::StatusOr<admin::v1::ApproveResponse> Approve(client::AdminClient& admin,
                                                   std::string_view digest,
                                                   const std::string& rollout_id) {
  admin::v1::ApproveRequest request;
  VEILSUM_ASSIGN_OR_RETURN(*request.mutable_release_sha256(), DigestBytes(digest));
  request.set_rollout_id(rollout_id);
  return admin.Approve(request);
}

}  // namespace veilsum::cli
