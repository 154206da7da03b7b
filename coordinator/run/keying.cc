#include "coordinator/run/keying.h"

#include <algorithm>

#include "secure_agg/wire/advert_codec.h"
#include "secure_agg/wire/certificate_codec.h"
#include "secure_agg/wire/share_codec.h"

namespace veilsum::coordinator {

using secure_agg::KeyPhase;
using secure_agg::MemberSet;
using secure_agg::ReportPhase;
using secure_agg::SetupPhase;
using secure_agg::SharePhase;

Keying::Keying(std::shared_ptr<const secure_agg::SessionParams> params,
               const secure_agg::BatchId& batch, const secure_agg::SeatVerifier& verifier,
               RunPort& port, std::set<std::string> present)
    : params_(params),
      port_(port),
      present_(std::move(present)),
      phase_(KeyPhase(params, batch, verifier)) {
  v1::ServerMessage offer;
  *offer.mutable_batch() = secure_agg::EncodeBatchOffer(std::get<KeyPhase>(phase_).Offer());
  for (const std::string& seat : present_) port_.Send(seat, offer);
}

void Keying::OnMessage(const std::string& seat, const v1::ClientMessage& message) {
  if (outcome_ || !present_.contains(seat)) return;
  if (const absl::Status added = Add(seat, message); !added.ok()) {
    port_.Log(
        absl::StrFormat("%s is left out of this batch: %s", seat, std::string(added.message())));
    present_.erase(seat);
  }
  Advance(false);
}

void Keying::OnGone(const std::string& seat) {
  if (present_.erase(seat) != 0 && !outcome_) Advance(false);
}

void Keying::OnDeadline() {
  if (!outcome_) Advance(true);
}

std::optional<absl::StatusOr<secure_agg::ServerBatch>> Keying::TakeOutcome() {
  return std::exchange(outcome_, std::nullopt);
}

absl::StatusOr<RosterIndex> Keying::IndexOf(const std::string& seat) const {
  if (const std::optional<RosterIndex> index = roster_->IndexOf(seat)) return *index;
  return PermissionDenied("SA-38: not in this batch's roster");
}

absl::Status Keying::Add(const std::string& seat, const v1::ClientMessage& message) {
  if (auto* keys = std::get_if<KeyPhase>(&phase_); keys != nullptr && message.has_advert()) {
    VEILSUM_ASSIGN_OR_RETURN(secure_agg::Advert advert,
                             secure_agg::ParseAdvert(message.advert(), params_->slots()));
    return keys->Add(seat, std::move(advert));
  }
  if (roster_ == nullptr)
    return FailedPrecondition("SA-21: message %d is not expected now", message.message_case());
  VEILSUM_ASSIGN_OR_RETURN(const RosterIndex index, IndexOf(seat));
  const secure_agg::WireLimits limits{roster_->size(), params_->slots()};
  if (auto* shares = std::get_if<SharePhase>(&phase_); shares != nullptr && message.has_shares()) {
    VEILSUM_ASSIGN_OR_RETURN(auto upload, secure_agg::ParseShareUpload(message.shares(), limits));
    return shares->Add(index, std::move(upload));
  }
  if (auto* reports = std::get_if<ReportPhase>(&phase_);
      reports != nullptr && message.has_report()) {
    VEILSUM_ASSIGN_OR_RETURN(auto report, secure_agg::ParseShareReport(message.report(), limits));
    return reports->Add(index, report);
  }
  if (auto* setup = std::get_if<SetupPhase>(&phase_);
      setup != nullptr && message.has_setup_signature()) {
    VEILSUM_ASSIGN_OR_RETURN(auto signature,
                             secure_agg::ParseSetupSignature(message.setup_signature()));
    return setup->Add(index, signature);
  }
  return FailedPrecondition("SA-21: message %d is not expected now", message.message_case());
}

bool Keying::EverybodyAnswered() const {
  if (const auto* keys = std::get_if<KeyPhase>(&phase_))
    return std::ranges::none_of(keys->Missing(),
                                [&](const std::string& seat) { return present_.contains(seat); });
  const MemberSet missing = std::visit(
      [](const auto& phase) -> MemberSet {
        if constexpr (std::is_same_v<std::decay_t<decltype(phase)>, KeyPhase>)
          return MemberSet(0);
        else
          return phase.Missing();
      },
      phase_);
  return std::ranges::none_of(missing.Indices(),
                              [&](RosterIndex i) { return present_.contains(roster_->uri(i)); });
}

bool Keying::CanClose() const {
  return std::visit([](const auto& phase) { return phase.CanClose(); }, phase_);
}

void Keying::Advance(bool deadline) {
  while (!outcome_ && (EverybodyAnswered() || deadline)) {
    if (!CanClose()) {
      if (deadline || present_.empty() || EverybodyAnswered())
        outcome_ =
            Aborted("setup of the batch ended in phase %d with too few members", phase_number());
      return;
    }
    if (const absl::Status closed = ClosePhase(); !closed.ok()) outcome_ = closed;
    deadline = false;
  }
}

absl::Status Keying::ClosePhase() {
  // Close takes the phase by value: it is out of phase_ before the next one is put there.
  return std::visit([this](auto& phase) { return Close(std::move(phase)); }, phase_);
}

absl::Status Keying::Close(KeyPhase phase) {
  VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).Close());
  v1::ServerMessage message;
  *message.mutable_roster() = secure_agg::EncodeRoster(sent.message);
  phase_.emplace<SharePhase>(std::move(sent.next));
  roster_ = &std::get<SharePhase>(phase_).roster();
  SendTo(MemberSet::All(roster_->size()), message);
  return absl::OkStatus();
}

absl::Status Keying::Close(SharePhase phase) {
  VEILSUM_ASSIGN_OR_RETURN(ReportPhase next, std::move(phase).Close());
  phase_.emplace<ReportPhase>(std::move(next));
  const ReportPhase& reports = std::get<ReportPhase>(phase_);
  roster_ = &reports.roster();
  for (const RosterIndex member : reports.dealt().Indices()) {
    v1::ServerMessage message;
    *message.mutable_delivery() = secure_agg::EncodeShareDelivery(reports.DeliveryFor(member));
    if (present_.contains(roster_->uri(member))) port_.Send(roster_->uri(member), message);
  }
  return absl::OkStatus();
}

absl::Status Keying::Close(ReportPhase phase) {
  VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).Close());
  v1::ServerMessage message;
  *message.mutable_active() = secure_agg::EncodeActiveSet(sent.message);
  phase_.emplace<SetupPhase>(std::move(sent.next));
  roster_ = &std::get<SetupPhase>(phase_).roster();
  SendTo(sent.message.members, message);
  return absl::OkStatus();
}

absl::Status Keying::Close(SetupPhase phase) {
  const MemberSet active = phase.active();
  VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).Close());
  roster_ = &sent.next.roster();
  v1::ServerMessage message;
  *message.mutable_setup_certificate() = secure_agg::EncodeCertificate(sent.message);
  SendTo(active, message);
  outcome_ = std::move(sent.next);
  return absl::OkStatus();
}

void Keying::SendTo(const MemberSet& members, const v1::ServerMessage& message) {
  for (const RosterIndex i : members.Indices())
    if (present_.contains(roster_->uri(i))) port_.Send(roster_->uri(i), message);
}

}  // namespace veilsum::coordinator
