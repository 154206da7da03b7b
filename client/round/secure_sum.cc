#include "client/round/secure_sum.h"

#include "secure_agg/wire/advert_codec.h"
#include "secure_agg/wire/certificate_codec.h"
#include "secure_agg/wire/round_codec.h"
#include "secure_agg/wire/share_codec.h"

namespace veilsum::client {
namespace {

using coordinator::v1::ClientMessage;

// Takes the phase that a message belongs to, so that an error on the way leaves none behind.
// `check` is the rule that a message out of its turn would get round.
template <class Phase, class Phases>
absl::StatusOr<Phase> Take(const secure_agg::ClientSession& session, Phases& phases,
                           std::string_view check, std::string_view message) {
  VEILSUM_RETURN_IF_ERROR(session.CheckNotAlarmed());
  Phase* phase = std::get_if<Phase>(&phases);
  if (phase == nullptr) return FailedPrecondition("%s: %s is not expected now", check, message);
  absl::StatusOr<Phase> taken(std::move(*phase));
  phases = std::monostate();
  return taken;
}

const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <class T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

}  // namespace

// SA-43. After an alarm nothing of any phase is left: neither keys nor the masked vector.
template <class Result>
Result SecureSum::Counted(Result result) {
  refusals_.Count(StatusOf(result));
  if (session_->alarmed()) {
    setup_ = std::monostate();
    slot_ = std::monostate();
  }
  return result;
}

absl::StatusOr<ClientMessage> SecureSum::OnOffer(const secagg::v1::BatchOffer& wire) {
  return Counted(Offer(wire));
}
absl::StatusOr<ClientMessage> SecureSum::OnRoster(const secagg::v1::Roster& wire) {
  return Counted(Roster(wire));
}
absl::StatusOr<ClientMessage> SecureSum::OnDelivery(const secagg::v1::ShareDelivery& wire) {
  return Counted(Delivery(wire));
}
absl::StatusOr<ClientMessage> SecureSum::OnActiveSet(const secagg::v1::ActiveSet& wire) {
  return Counted(Active(wire));
}
absl::Status SecureSum::OnSetupCertificate(const secagg::v1::Certificate& wire) {
  return Counted(SetupCertificate(wire));
}
absl::Status SecureSum::Open(const secure_agg::RoundStart& start, Clock::Time deadline) {
  return Counted(Accept(start, deadline));
}
absl::StatusOr<secure_agg::MaskedUpload> SecureSum::Mask(std::span<const std::int64_t> noised) {
  return Counted(Upload(noised));
}
absl::StatusOr<ClientMessage> SecureSum::OnCommit(const secagg::v1::CommitRequest& wire) {
  return Counted(Commit(wire));
}
absl::StatusOr<ClientMessage> SecureSum::OnCertificate(const secagg::v1::CommitCertificate& wire) {
  return Counted(Certificate(wire));
}

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

absl::StatusOr<ClientMessage> SecureSum::Offer(const secagg::v1::BatchOffer& wire) {
  VEILSUM_ASSIGN_OR_RETURN(const secure_agg::BatchOffer offer, secure_agg::ParseBatchOffer(wire));
  VEILSUM_ASSIGN_OR_RETURN(auto sent, secure_agg::BatchAdvertised::Start(session_, offer, rng_));
  ClientMessage reply;
  *reply.mutable_advert() = secure_agg::EncodeAdvert(sent.message);
  setup_.emplace<secure_agg::BatchAdvertised>(std::move(sent.next));
  return reply;
}

absl::StatusOr<ClientMessage> SecureSum::Roster(const secagg::v1::Roster& wire) {
  VEILSUM_ASSIGN_OR_RETURN(
      auto phase, Take<secure_agg::BatchAdvertised>(*session_, setup_, "SA-07", "a roster"));
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

absl::StatusOr<ClientMessage> SecureSum::Delivery(const secagg::v1::ShareDelivery& wire) {
  VEILSUM_ASSIGN_OR_RETURN(
      auto phase, Take<secure_agg::AwaitingShares>(*session_, setup_, "SA-10", "a share delivery"));
  VEILSUM_ASSIGN_OR_RETURN(const auto delivery,
                           secure_agg::ParseShareDelivery(wire, SetupLimits()));
  VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).OnShares(delivery));
  ClientMessage reply;
  *reply.mutable_report() = secure_agg::EncodeShareReport(sent.message);
  setup_.emplace<secure_agg::AwaitingActiveSet>(std::move(sent.next));
  return reply;
}

absl::StatusOr<ClientMessage> SecureSum::Active(const secagg::v1::ActiveSet& wire) {
  VEILSUM_ASSIGN_OR_RETURN(
      auto phase, Take<secure_agg::AwaitingActiveSet>(*session_, setup_, "SA-12", "an active set"));
  VEILSUM_ASSIGN_OR_RETURN(const auto active, secure_agg::ParseActiveSet(wire, SetupLimits()));
  VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).OnActiveSet(active));
  ClientMessage reply;
  *reply.mutable_setup_signature() = secure_agg::EncodeSetupSignature(sent.message);
  setup_.emplace<secure_agg::AwaitingSetupCertificate>(std::move(sent.next));
  return reply;
}

absl::Status SecureSum::SetupCertificate(const secagg::v1::Certificate& wire) {
  VEILSUM_ASSIGN_OR_RETURN(auto phase, Take<secure_agg::AwaitingSetupCertificate>(
                                           *session_, setup_, "SA-13", "a setup certificate"));
  VEILSUM_ASSIGN_OR_RETURN(const auto certificate,
                           secure_agg::ParseCertificate(wire, SetupLimits()));
  VEILSUM_ASSIGN_OR_RETURN(secure_agg::Batch batch, std::move(phase).OnCertificate(certificate));
  (batch_ ? next_ : batch_).emplace(std::move(batch));
  return absl::OkStatus();
}

absl::StatusOr<secure_agg::RoundStart> SecureSum::ParseStart(const secagg::v1::RoundStart& wire) {
  return Counted(secure_agg::ParseRoundStart(wire, {0, session_->params().slots()}));
}

absl::Status SecureSum::Accept(const secure_agg::RoundStart& start, Clock::Time deadline) {
  if (!batch_) return FailedPrecondition("SA-15: no batch is set up");
  const bool of_next = next_ && start.setup_hash == next_->setup_hash();
  VEILSUM_ASSIGN_OR_RETURN(secure_agg::AwaitingInput slot,
                           (of_next ? *next_ : *batch_).Accept(start));
  if (of_next) {  // SA-33: the older one is erased by now
    batch_ = std::move(next_);
    next_.reset();
  }
  slot_.emplace<secure_agg::AwaitingInput>(std::move(slot));
  last_slot_ = start.slot;
  slot_deadline_ = deadline;
  return absl::OkStatus();
}

absl::StatusOr<secure_agg::MaskedUpload> SecureSum::Upload(std::span<const std::int64_t> noised) {
  VEILSUM_ASSIGN_OR_RETURN(auto phase,
                           Take<secure_agg::AwaitingInput>(*session_, slot_, "SA-27", "an input"));
  VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).OnInput(noised));
  slot_.emplace<secure_agg::AwaitingCommit>(std::move(sent.next));
  return std::move(sent.message);
}

std::optional<RoundId> SecureSum::OpenRound() const {
  return std::visit(
      [](const auto& phase) -> std::optional<RoundId> {
        if constexpr (std::is_same_v<std::decay_t<decltype(phase)>, std::monostate>)
          return std::nullopt;
        else
          return phase.round();
      },
      slot_);
}

absl::Status SecureSum::EndSlot(absl::Status reason) {
  if (batch_ && OpenRound()) batch_->CloseSlot();
  slot_ = std::monostate();
  return reason;
}

absl::StatusOr<ClientMessage> SecureSum::Commit(const secagg::v1::CommitRequest& wire) {
  const auto request = secure_agg::ParseCommitRequest(wire, BatchLimits());
  if (!request.ok()) return EndSlot(request.status());
  if (const auto open = OpenRound(); open && *open != request->round)
    return InvalidArgument("SA-24: the commit is for round %d, not for %d", request->round.value(),
                           open->value());
  ClientMessage reply;
  const auto step = [&](auto phase) -> absl::Status {
    VEILSUM_RETURN_IF_ERROR(phase.status());
    VEILSUM_ASSIGN_OR_RETURN(auto sent, (*std::move(phase)).OnCommit(*request));
    *reply.mutable_commit_signature() = secure_agg::EncodeCommitSignature(sent.message);
    slot_.template emplace<secure_agg::AwaitingCertificate>(std::move(sent.next));
    return absl::OkStatus();
  };
  if (auto* waiting = std::get_if<secure_agg::AwaitingCertificate>(&slot_)) {
    VEILSUM_ASSIGN_OR_RETURN(const auto again, waiting->Repeat(*request));
    *reply.mutable_commit_signature() = secure_agg::EncodeCommitSignature(again);
    return reply;
  }
  if (auto* revealed = std::get_if<secure_agg::Revealed>(&slot_))
    return revealed->OnCommit(*request);
  VEILSUM_RETURN_IF_ERROR(
      std::holds_alternative<secure_agg::AwaitingInput>(slot_)
          ? step(Take<secure_agg::AwaitingInput>(*session_, slot_, "SA-26", "a commit request"))
          : step(Take<secure_agg::AwaitingCommit>(*session_, slot_, "SA-26", "a commit request")));
  return reply;
}

absl::StatusOr<ClientMessage> SecureSum::Certificate(const secagg::v1::CommitCertificate& wire) {
  const auto certificate = secure_agg::ParseCommitCertificate(wire, BatchLimits());
  if (!certificate.ok()) return EndSlot(certificate.status());
  if (const auto open = OpenRound(); open && *open != certificate->round)
    return InvalidArgument("SA-29: the certificate is for round %d, not for %d",
                           certificate->round.value(), open->value());
  ClientMessage reply;
  if (auto* revealed = std::get_if<secure_agg::Revealed>(&slot_)) {
    VEILSUM_ASSIGN_OR_RETURN(const auto again, revealed->Repeat(*certificate));
    *reply.mutable_reveal() = secure_agg::EncodeReveal(again);
    return reply;
  }
  VEILSUM_ASSIGN_OR_RETURN(auto phase, Take<secure_agg::AwaitingCertificate>(
                                           *session_, slot_, "SA-29", "a commit certificate"));
  VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).OnCertificate(*certificate));
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

bool SecureSum::Expire(Clock::Time now) {
  if (now < slot_deadline_ || !OpenRound()) return false;
  (void)EndSlot(absl::OkStatus());
  return true;
}

}  // namespace veilsum::client
