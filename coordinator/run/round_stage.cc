#include "coordinator/run/round_stage.h"

#include <algorithm>

#include "secure_agg/wire/round_codec.h"
#include "secure_agg/wire/upload_codec.h"

namespace veilsum::coordinator {

using secure_agg::CommitPhase;
using secure_agg::InputPhase;
using secure_agg::MemberSet;
using secure_agg::UnmaskPhase;

RoundStage::RoundStage(secure_agg::ServerBatch& batch, InputPhase phase,
                       std::set<std::string> present, std::set<std::string> silent, RunPort& port)
    : batch_(&batch),
      round_(phase.round().value()),
      phase_(std::move(phase)),
      present_(std::move(present)),
      silent_(std::move(silent)),
      port_(&port) {}

absl::StatusOr<RoundStage::Opened> RoundStage::Open(secure_agg::ServerBatch& batch,
                                                    secure_agg::SlotRequest request,
                                                    std::set<std::string> present,
                                                    std::set<std::string> silent, RunPort& port) {
  const MemberSet active = batch.active();
  std::erase_if(present, [&](const std::string& seat) {
    const std::optional<RosterIndex> index = batch.roster().IndexOf(seat);
    return !index || !active.Contains(*index);
  });
  VEILSUM_ASSIGN_OR_RETURN(auto sent, batch.OpenSlot(std::move(request)));
  return Opened{
      RoundStage(batch, std::move(sent.next), std::move(present), std::move(silent), port),
      secure_agg::EncodeRoundStart(sent.message)};
}

absl::Status RoundStage::OnUpload(const std::string& seat, std::uint64_t round, ByteView words) {
  auto* inputs = std::get_if<InputPhase>(&phase_);
  const std::optional<RosterIndex> index = batch_->roster().IndexOf(seat);
  if (outcome_ || inputs == nullptr || round != round_ || !index || !present_.contains(seat))
    return FailedPrecondition("SA-21: round %d takes no upload now", round);
  VEILSUM_RETURN_IF_ERROR(inputs->Add(*index, words));
  Advance(false);
  return absl::OkStatus();
}

void RoundStage::OnMessage(const std::string& seat, const v1::ClientMessage& message) {
  const std::optional<RosterIndex> index = batch_->roster().IndexOf(seat);
  if (outcome_ || !index || !present_.contains(seat)) return;
  if (const absl::Status added = Add(*index, message); !added.ok()) {
    port_->Log(absl::StrFormat("round %d: %s: %s", round_, seat, std::string(added.message())));
    present_.erase(seat);
  }
  Advance(false);
}

void RoundStage::OnGone(const std::string& seat) {
  if (present_.erase(seat) != 0 && !outcome_) Advance(false);
}

void RoundStage::OnDeadline() {
  if (outcome_ || unsent_) return;
  for (const std::string& seat : Unanswered()) silent_.insert(seat);
  Advance(true);
}

absl::Status RoundStage::Add(RosterIndex sender, const v1::ClientMessage& message) {
  if (auto* commits = std::get_if<CommitPhase>(&phase_);
      commits != nullptr && !unsent_ && message.has_commit_signature()) {
    VEILSUM_ASSIGN_OR_RETURN(const auto signature,
                             secure_agg::ParseCommitSignature(message.commit_signature()));
    return commits->Add(sender, signature);
  }
  auto* unmask = std::get_if<UnmaskPhase>(&phase_);
  if (unmask != nullptr && message.has_commit_signature())
    return absl::OkStatus();  // beyond the quorum
  if (unmask != nullptr && message.has_reveal()) {
    const secure_agg::WireLimits limits{batch_->roster().size(), 0};
    VEILSUM_ASSIGN_OR_RETURN(auto reveal, secure_agg::ParseReveal(message.reveal(), limits));
    return unmask->Add(sender, std::move(reveal));
  }
  return FailedPrecondition("SA-21: message %d is not expected now", message.message_case());
}

MemberList RoundStage::Unanswered() const {
  const MemberSet missing = std::visit([](const auto& phase) { return phase.Missing(); }, phase_);
  MemberList unanswered;
  for (const RosterIndex i : missing.Indices())
    if (const std::string& seat = batch_->roster().uri(i); present_.contains(seat))
      unanswered.push_back(seat);
  return unanswered;
}

bool RoundStage::MayAdvance() const {
  if (HasQuorum()) return true;
  const MemberList unanswered = Unanswered();
  return unanswered.empty() ||
         (CanClose() && std::ranges::all_of(
                            unanswered, [&](const auto& seat) { return silent_.contains(seat); }));
}

// A certificate needs q signatures and gains nothing from more; uploads and shares are worth
// waiting for.
bool RoundStage::HasQuorum() const {
  const auto* commits = std::get_if<CommitPhase>(&phase_);
  return commits != nullptr && commits->CanClose();
}

bool RoundStage::CanClose() const {
  if (const auto* inputs = std::get_if<InputPhase>(&phase_)) return inputs->CanFreeze();
  if (const auto* commits = std::get_if<CommitPhase>(&phase_)) return commits->CanClose();
  return std::get<UnmaskPhase>(phase_).CanClose();
}

void RoundStage::Advance(bool deadline) {
  while (!outcome_ && !unsent_ && (deadline || MayAdvance())) {
    if (!CanClose()) {
      static constexpr const char* kWaitedFor[] = {"uploads", "signatures", "shares"};
      outcome_ = Aborted("too few merchants: %s are missing and nobody is left to wait for",
                         kWaitedFor[phase_.index()]);
      return;
    }
    if (const absl::Status closed = ClosePhase(); !closed.ok()) outcome_ = closed;
    deadline = false;
  }
}

absl::Status RoundStage::ClosePhase() {
  Phase closing = std::move(phase_);
  return std::visit([&](auto& phase) { return Close(std::move(phase)); }, closing);
}

absl::Status RoundStage::Close(InputPhase phase) {
  VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).Freeze());
  unsent_ = std::move(sent.message);
  phase_.emplace<CommitPhase>(std::move(sent.next));
  return absl::OkStatus();
}

MemberList RoundStage::Survivors() const { return UrisOf(unsent_->members); }

void RoundStage::Release() {
  v1::ServerMessage message;
  *message.mutable_commit() = secure_agg::EncodeCommitRequest(*unsent_);
  unsent_.reset();
  SendToPresent(message);
  Advance(false);
}

absl::Status RoundStage::Close(CommitPhase phase) {
  VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).Close());
  v1::ServerMessage message;
  *message.mutable_commit_certificate() = secure_agg::EncodeCommitCertificate(sent.message);
  phase_.emplace<UnmaskPhase>(std::move(sent.next));
  SendToPresent(message);
  return absl::OkStatus();
}

absl::Status RoundStage::Close(UnmaskPhase phase) {
  VEILSUM_ASSIGN_OR_RETURN(secure_agg::SlotSum sum, std::move(phase).Close());
  for (const RosterIndex liar : sum.liars)
    port_->Log(absl::StrFormat("SA-34: round %d: %s sent a wrong share", round_,
                               batch_->roster().uri(liar)));
  v1::ServerMessage message;
  *message.mutable_closed() = secure_agg::EncodeRoundClosed(RoundId(round_));
  SendToPresent(message);
  outcome_ = RoundSum{UrisOf(sum.survivors), std::move(sum.values), {}};
  return absl::OkStatus();
}

void RoundStage::SendToPresent(const v1::ServerMessage& message) {
  for (const std::string& seat : present_) port_->Send(seat, message);
}

MemberList RoundStage::UrisOf(const MemberSet& members) const {
  MemberList uris;
  for (const RosterIndex i : members.Indices()) uris.push_back(batch_->roster().uri(i));
  std::ranges::sort(uris);
  return uris;
}

}  // namespace veilsum::coordinator
