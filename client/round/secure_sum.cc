#include "client/round/secure_sum.h"

#include "secure_agg/wire/advert_codec.h"
#include "secure_agg/wire/certificate_codec.h"
#include "secure_agg/wire/round_codec.h"
#include "secure_agg/wire/share_codec.h"

namespace veilsum::client {
namespace {

using coordinator::v1::ClientMessage;

// Takes the phase that a message belongs to, so that an error on the way leaves none behind.
template <class Phase, class Phases>
absl::StatusOr<Phase> Take(Phases& phases, std::string_view message) {
  Phase* phase = std::get_if<Phase>(&phases);
  if (phase == nullptr) return FailedPrecondition("SA-21: %s is not expected now", message);
  absl::StatusOr<Phase> taken(std::move(*phase));
  phases = std::monostate();
  return taken;
}

}  // namespace

std::optional<Hash32> SecureSum::HashOf(const std::optional<secure_agg::Batch>& batch) {
  if (!batch) return std::nullopt;
  return batch->setup_hash();
}

secure_agg::WireLimits SecureSum::SetupLimits() const {
  return {setup_roster_, session_->params().slots()};
}
secure_agg::WireLimits SecureSum::BatchLimits() const {
  return {batch_ ? batch_->roster().size() : 0, session_->params().slots()};
}

absl::StatusOr<ClientMessage> SecureSum::OnOffer(const secagg::v1::BatchOffer& wire) {
  setup_ = std::monostate();
  VEILSUM_ASSIGN_OR_RETURN(const secure_agg::BatchOffer offer, secure_agg::ParseBatchOffer(wire));
  VEILSUM_ASSIGN_OR_RETURN(auto sent, secure_agg::BatchAdvertised::Start(session_, offer, rng_));
  ClientMessage reply;
  *reply.mutable_advert() = secure_agg::EncodeAdvert(sent.message);
  setup_.emplace<secure_agg::BatchAdvertised>(std::move(sent.next));
  return reply;
}

absl::StatusOr<ClientMessage> SecureSum::OnRoster(const secagg::v1::Roster& wire) {
  VEILSUM_ASSIGN_OR_RETURN(auto phase, Take<secure_agg::BatchAdvertised>(setup_, "a roster"));
  const secure_agg::SessionParams& params = session_->params();
  VEILSUM_ASSIGN_OR_RETURN(auto claim,
                           secure_agg::ParseRoster(wire, params.seats().size(), params.slots()));
  setup_roster_ = claim.adverts.size();
  VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).OnRoster(std::move(claim), verifier_, rng_));
  ClientMessage reply;
  *reply.mutable_shares() = secure_agg::EncodeShareUpload(sent.message);
  setup_.emplace<secure_agg::AwaitingShares>(std::move(sent.next));
  return reply;
}

absl::StatusOr<ClientMessage> SecureSum::OnDelivery(const secagg::v1::ShareDelivery& wire) {
  VEILSUM_ASSIGN_OR_RETURN(auto phase,
                           Take<secure_agg::AwaitingShares>(setup_, "a share delivery"));
  VEILSUM_ASSIGN_OR_RETURN(const auto delivery,
                           secure_agg::ParseShareDelivery(wire, SetupLimits()));
  VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).OnShares(delivery));
  ClientMessage reply;
  *reply.mutable_report() = secure_agg::EncodeShareReport(sent.message);
  setup_.emplace<secure_agg::AwaitingActiveSet>(std::move(sent.next));
  return reply;
}

absl::StatusOr<ClientMessage> SecureSum::OnActiveSet(const secagg::v1::ActiveSet& wire) {
  VEILSUM_ASSIGN_OR_RETURN(auto phase,
                           Take<secure_agg::AwaitingActiveSet>(setup_, "an active set"));
  VEILSUM_ASSIGN_OR_RETURN(const auto active, secure_agg::ParseActiveSet(wire, SetupLimits()));
  VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).OnActiveSet(active));
  ClientMessage reply;
  *reply.mutable_setup_signature() = secure_agg::EncodeSetupSignature(sent.message);
  setup_.emplace<secure_agg::AwaitingSetupCertificate>(std::move(sent.next));
  return reply;
}

absl::Status SecureSum::OnSetupCertificate(const secagg::v1::Certificate& wire) {
  VEILSUM_ASSIGN_OR_RETURN(
      auto phase, Take<secure_agg::AwaitingSetupCertificate>(setup_, "a setup certificate"));
  VEILSUM_ASSIGN_OR_RETURN(const auto certificate,
                           secure_agg::ParseCertificate(wire, SetupLimits()));
  VEILSUM_ASSIGN_OR_RETURN(secure_agg::Batch batch, std::move(phase).OnCertificate(certificate));
  (batch_ ? next_ : batch_).emplace(std::move(batch));
  return absl::OkStatus();
}

absl::StatusOr<secure_agg::RoundStart> SecureSum::ParseStart(
    const secagg::v1::RoundStart& wire) const {
  return secure_agg::ParseRoundStart(wire, BatchLimits());
}

absl::Status SecureSum::Open(const secure_agg::RoundStart& start) {
  if (!batch_) return FailedPrecondition("SA-15: no batch is set up");
  const bool follows = next_ && next_->setup_hash() == start.setup_hash;
  VEILSUM_ASSIGN_OR_RETURN(secure_agg::AwaitingInput slot,
                           (follows ? next_ : batch_)->Accept(start));
  if (follows) batch_ = std::exchange(next_, std::nullopt);
  slot_.emplace<secure_agg::AwaitingInput>(std::move(slot));
  return absl::OkStatus();
}

absl::StatusOr<secure_agg::MaskedUpload> SecureSum::Mask(std::span<const std::int64_t> noised) {
  VEILSUM_ASSIGN_OR_RETURN(auto phase, Take<secure_agg::AwaitingInput>(slot_, "an input"));
  VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).OnInput(noised));
  slot_.emplace<secure_agg::AwaitingCommit>(std::move(sent.next));
  return std::move(sent.message);
}

absl::StatusOr<ClientMessage> SecureSum::OnCommit(const secagg::v1::CommitRequest& wire) {
  VEILSUM_ASSIGN_OR_RETURN(const auto request, secure_agg::ParseCommitRequest(wire, BatchLimits()));
  ClientMessage reply;
  const auto step = [&](auto phase) -> absl::Status {
    VEILSUM_RETURN_IF_ERROR(phase.status());
    VEILSUM_ASSIGN_OR_RETURN(auto sent, (*std::move(phase)).OnCommit(request));
    *reply.mutable_commit_signature() = secure_agg::EncodeCommitSignature(sent.message);
    slot_.template emplace<secure_agg::AwaitingCertificate>(std::move(sent.next));
    return absl::OkStatus();
  };
  if (auto* waiting = std::get_if<secure_agg::AwaitingCertificate>(&slot_)) {
    VEILSUM_ASSIGN_OR_RETURN(const auto again, waiting->Repeat(request));
    *reply.mutable_commit_signature() = secure_agg::EncodeCommitSignature(again);
    return reply;
  }
  VEILSUM_RETURN_IF_ERROR(std::holds_alternative<secure_agg::AwaitingInput>(slot_)
                              ? step(Take<secure_agg::AwaitingInput>(slot_, "a commit request"))
                              : step(Take<secure_agg::AwaitingCommit>(slot_, "a commit request")));
  return reply;
}

absl::StatusOr<ClientMessage> SecureSum::OnCertificate(const secagg::v1::CommitCertificate& wire) {
  VEILSUM_ASSIGN_OR_RETURN(const auto certificate,
                           secure_agg::ParseCommitCertificate(wire, BatchLimits()));
  ClientMessage reply;
  if (auto* revealed = std::get_if<secure_agg::Revealed>(&slot_)) {
    VEILSUM_ASSIGN_OR_RETURN(const auto again, revealed->Repeat(certificate));
    *reply.mutable_reveal() = secure_agg::EncodeReveal(again);
    return reply;
  }
  VEILSUM_ASSIGN_OR_RETURN(auto phase,
                           Take<secure_agg::AwaitingCertificate>(slot_, "a commit certificate"));
  VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).OnCertificate(certificate));
  *reply.mutable_reveal() = secure_agg::EncodeReveal(sent.message);
  slot_.emplace<secure_agg::Revealed>(std::move(sent.next));
  return reply;
}

void SecureSum::OnClosed(const secagg::v1::RoundClosed& wire) {
  auto* revealed = std::get_if<secure_agg::Revealed>(&slot_);
  if (revealed == nullptr || revealed->round().value() != wire.round()) return;
  std::move(*revealed).Close();
  slot_ = std::monostate();
}

}  // namespace veilsum::client
