#include "client/round/participant.h"

#include <algorithm>

#include "client/round/block_reservation.h"
#include "client/witness/own_statement.h"
#include "model/contract/round_schedule.h"
#include "secure_agg/wire/upload_codec.h"

namespace veilsum::client {
namespace {

using coordinator::v1::ClientMessage;
using coordinator::v1::ServerMessage;

constexpr std::chrono::milliseconds kFirstPause{10};
constexpr std::chrono::milliseconds kLongestPause{2000};      // while no run is open
constexpr std::chrono::milliseconds kLongestAbsence{15'000};  // while there is no coordinator

constexpr char kNoCheck[] = "refused";

// A pause of half to one and a half `base`, so that clients do not come back all at once.
Clock::Duration Jittered(Clock::Duration base, SecureRng& rng) {
  std::uint8_t byte = 0;
  rng.Fill(std::span(&byte, 1));
  return base / 2 + base * byte / 255;
}

// The check that a message starts with ("SA-11: ...", "SE-10: ..."), at most 32 bytes; "refused"
// without one.
std::string CheckOf(const absl::Status& reason) {
  const std::string_view message(reason.message().data(), reason.message().size());
  const std::size_t end = message.find(':');
  const bool named = message.starts_with("SA-") || message.starts_with("SE-") ||
                     message.starts_with("DP-") || message.starts_with("POLICY_") ||
                     message.starts_with("LEDGER_");
  return named && end != std::string_view::npos && end <= 32 ? std::string(message.substr(0, end))
                                                             : kNoCheck;
}

ClientMessage DeclineOf(const absl::Status& reason) {
  ClientMessage message;
  const std::string code = CheckOf(reason);
  message.mutable_decline()->set_code(code);
  // An error without a check's name may be about this merchant's own files, and quote them: that
  // stays at home.
  message.mutable_decline()->set_reason(code == kNoCheck
                                            ? "for a reason that is in the merchant's own log"
                                            : std::string(reason.message().substr(0, 400)));
  return message;
}

// What this client tells the ledger of its policy. A run without privacy is of a demonstration,
// where the file may have no caps.
absl::StatusOr<Json> StatedFor(const ApprovedRun& run, const Policy& policy) {
  if (!run.contract().is_private) return Json::object();
  VEILSUM_ASSIGN_OR_RETURN(PolicyStatement statement, StatePolicy(policy));
  return std::move(statement.body);
}

}  // namespace

void Participant::Stop() {
  stopping_ = true;
  const std::lock_guard lock(link_mutex_);
  if (link_ != nullptr) link_->Close();
}

void Participant::SetLink(CoordinatorLink* link) {
  const std::lock_guard lock(link_mutex_);
  link_ = link;
}

absl::Status Participant::Run() {
  heard_at_ = world_.waiter->Now();
  Clock::Duration pause = kFirstPause;
  while (!stopping_) {
    VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<CoordinatorLink> link, ConnectPatiently());
    SetLink(link.get());
    heard_ = false;
    Tell(ParticipantEvent::kConnected);
    const absl::StatusOr<Next> end = Serve(*link);
    SetLink(nullptr);
    Tell(ParticipantEvent::kDisconnected);
    link->Close();
    if (end.ok() && *end == Next::kDone) return absl::OkStatus();
    if (!end.ok() && end.status().code() != absl::StatusCode::kUnavailable &&
        end.status().code() != absl::StatusCode::kDeadlineExceeded)
      return end.status();
    if (heard_) {
      pause = kFirstPause;
    } else {  // a stream that ends before its first message: no run is open, or the coordinator is
              // going down
      if (config_.give_up && world_.waiter->Now() >= heard_at_ + *config_.give_up)
        return end.status();
      world_.waiter->WaitUntil(world_.waiter->Now() + Jittered(pause, *world_.rng));
      pause = std::min<Clock::Duration>(2 * pause, kLongestPause);
    }
  }
  return absl::CancelledError("stopped");
}

absl::StatusOr<std::unique_ptr<CoordinatorLink>> Participant::ConnectPatiently() {
  const Clock::Time give_up =
      config_.give_up ? world_.waiter->Now() + *config_.give_up : Clock::Time::max();
  for (Clock::Duration pause = kFirstPause;;
       pause = std::min<Clock::Duration>(2 * pause, kLongestAbsence)) {
    absl::StatusOr<std::unique_ptr<CoordinatorLink>> link = world_.connect();
    if (link.ok()) return link;
    if (link.status().code() != absl::StatusCode::kUnavailable &&
        link.status().code() != absl::StatusCode::kDeadlineExceeded)
      return link.status();
    if (stopping_) return absl::CancelledError("stopped");
    if (world_.waiter->Now() >= give_up) return link.status();
    world_.waiter->WaitUntil(world_.waiter->Now() + Jittered(pause, *world_.rng));
  }
}

absl::StatusOr<Participant::Next> Participant::Serve(CoordinatorLink& link) {
  ClientMessage join;
  join.mutable_join()->set_protocol(1);
  if (sum_ && sum_->setup_hash())
    join.mutable_join()->set_setup_hash(std::string(AsText(*sum_->setup_hash())));
  if (sum_ && sum_->next_setup_hash())
    join.mutable_join()->set_next_setup_hash(std::string(AsText(*sum_->next_setup_hash())));
  if (world_.ledger != nullptr) {
    join.mutable_join()->set_ledger_size(world_.ledger->size());
    join.mutable_join()->set_ledger_round(world_.ledger->first_unended());
  }
  VEILSUM_RETURN_IF_ERROR(link.Write(join));
  Clock::Time last = world_.waiter->Now();  // joined, or the last message on this stream
  while (!stopping_) {
    const absl::StatusOr<ServerMessage> read = link.Read();
    const Clock::Time now = world_.waiter->Now();
    // SA-31: a slot is erased at its deadline, however silent the stream is, and nothing is
    // answered for it after that, whatever has come meanwhile.
    if (sum_ && sum_->Expire(now)) world_.log("the open slot is erased: its deadline has passed");
    if (absl::IsDeadlineExceeded(read.status()) && now < last + config_.silence) continue;
    VEILSUM_RETURN_IF_ERROR(read.status());
    last = now;
    const ServerMessage& message = *read;
    heard_ = true;
    heard_at_ = now;
    VEILSUM_ASSIGN_OR_RETURN(const Next next, Handle(link, message));
    if (next != Next::kRead) return next;
  }
  return absl::CancelledError("stopped");
}

absl::StatusOr<Participant::Next> Participant::Handle(CoordinatorLink& link,
                                                      const ServerMessage& message) {
  if (message.has_contract()) {
    const absl::Status approved = OnContract(link, message.contract());
    if (approved.ok()) return Next::kRead;
    return Stopped(link, approved);
  }
  if (message.has_ledger()) return OnLedger(link, message.ledger());
  if (message.has_ended()) {
    world_.log(
        absl::StrFormat("run ended: %s %s", message.ended().outcome(), message.ended().reason()));
    // Attempts that never started return to the block; nothing can be spent under it any more.
    if (run_) VEILSUM_RETURN_IF_ERROR(world_.odometer->CloseContract(run_->contract_hash()));
    return Next::kDone;
  }
  if (!sum_) return FailedPrecondition("SA-42: a round message before the contract was approved");
  switch (message.message_case()) {
    case ServerMessage::kBatch:
      TakeRenewedCertificate();
      return Reply(link, sum_->OnOffer(message.batch()), 0);
    case ServerMessage::kRoster:
      return Reply(link, sum_->OnRoster(message.roster()), 0);
    case ServerMessage::kDelivery:
      return Reply(link, sum_->OnDelivery(message.delivery()), 0);
    case ServerMessage::kActive:
      return Reply(link, sum_->OnActiveSet(message.active()), 0);
    case ServerMessage::kSetupCertificate: {
      const absl::Status ready = sum_->OnSetupCertificate(message.setup_certificate());
      return ready.ok() ? Next::kRead : Refuse(link, ready, 0);
    }
    case ServerMessage::kStart:
      return OnStart(link, message);
    case ServerMessage::kCommit: {
      VEILSUM_ASSIGN_OR_RETURN(
          const Next next, Reply(link, sum_->OnCommit(message.commit()), message.commit().round()));
      return Vanishes(message.commit().round(), DropPhase::kAfterSignature) ? Next::kReconnect
                                                                            : next;
    }
    case ServerMessage::kCommitCertificate:
      return Reply(link, sum_->OnCertificate(message.commit_certificate()),
                   message.commit_certificate().round());
    case ServerMessage::kClosed:
      sum_->OnClosed(message.closed());
      return Next::kRead;
    default:
      return FailedPrecondition("SA-37: an empty or unknown message");
  }
}

absl::StatusOr<Participant::Next> Participant::Reply(CoordinatorLink& link,
                                                     absl::StatusOr<ClientMessage> reply,
                                                     std::uint64_t round) {
  if (!reply.ok()) return Refuse(link, reply.status(), round);
  VEILSUM_RETURN_IF_ERROR(link.Write(*reply));
  return Next::kRead;
}

// SA-43: every refusal is logged with its check; an alarm stops the session until an operator acts.
absl::StatusOr<Participant::Next> Participant::Refuse(CoordinatorLink& link,
                                                      const absl::Status& reason,
                                                      std::uint64_t round) {
  Tell(absl::IsResourceExhausted(reason) ? ParticipantEvent::kBudgetDenied
                                         : ParticipantEvent::kRefused);
  const std::string slot =
      round != 0 && sum_->last_slot() ? absl::StrFormat(" (slot %d)", *sum_->last_slot()) : "";
  world_.log(
      absl::StrFormat("refused in round %d%s: %s", round, slot, std::string(reason.message())));
  if (sum_->alarmed()) return reason;
  ClientMessage message;
  message.mutable_refusal()->set_round(round);
  message.mutable_refusal()->set_check(CheckOf(reason));
  VEILSUM_RETURN_IF_ERROR(link.Write(message));
  return Next::kRead;
}

absl::StatusOr<Participant::Next> Participant::Stopped(CoordinatorLink& link,
                                                       const absl::Status& reason) {
  if (absl::IsResourceExhausted(reason)) Tell(ParticipantEvent::kBudgetDenied);
  if (!absl::IsUnavailable(reason)) (void)link.Write(DeclineOf(reason)).ok();
  return reason;
}

absl::StatusOr<Participant::Next> Participant::OnLedger(CoordinatorLink& link,
                                                        const coordinator::v1::LedgerHead& head) {
  if (world_.ledger == nullptr) return Next::kRead;
  absl::StatusOr<coordinator::v1::Cosignature> cosignature = world_.ledger->OnHead(head);
  if (!cosignature.ok()) return Stopped(link, cosignature.status());
  ClientMessage message;
  *message.mutable_cosignature() = *std::move(cosignature);
  VEILSUM_RETURN_IF_ERROR(link.Write(message));
  return Next::kRead;
}

absl::Status Participant::OnContract(CoordinatorLink& link,
                                     const coordinator::v1::ContractOffer& offer) {
  if (run_ && offer.contract() != contract_text_)
    return PermissionDenied("SA-42: another contract than the one that was approved");
  if (!run_ && world_.identity) config_.identity = world_.identity();
  if (!run_) VEILSUM_RETURN_IF_ERROR(Approve(offer));
  TakeRenewedCertificate();
  ClientMessage message;
  const Transcript statement = Transcript("fsa/v1/approve").Add(run_->contract_hash());
  message.mutable_approval()->set_contract_hash(std::string(AsText(run_->contract_hash())));
  message.mutable_approval()->set_signature(
      std::string(AsText(config_.identity.signer->Sign(statement.bytes()))));
  message.mutable_approval()->set_certificate(std::string(AsText(config_.identity.certificate)));
  if (world_.ledger != nullptr) {
    VEILSUM_ASSIGN_OR_RETURN(const Bytes policy, world_.ledger->PolicyStatement());
    message.mutable_approval()->set_policy(std::string(AsText(policy)));
  }
  return link.Write(message);
}

// The members of a batch know each other by key: a new one has to wait for a new contract.
void Participant::TakeRenewedCertificate() {
  if (!world_.identity) return;
  secure_agg::SigningIdentity now = world_.identity();
  if (now.certificate == config_.identity.certificate ||
      now.signer->public_key() != config_.identity.signer->public_key())
    return;
  if (const absl::Status taken = sum_->RenewCertificate(now.certificate); !taken.ok())
    return world_.log(std::string(taken.message()));
  config_.identity = std::move(now);
}

absl::Status Participant::Approve(const coordinator::v1::ContractOffer& offer) {
  VEILSUM_ASSIGN_OR_RETURN(ApprovedRun run,
                           ApprovedRun::Check(offer.plan(), offer.contract(), config_.own));
  VEILSUM_ASSIGN_OR_RETURN(Prepared prepared, world_.prepare(run));
  const Policy policy = world_.policy();
  VEILSUM_RETURN_IF_ERROR(CheckPolicy(policy, {.plan_name = run.plan().name,
                                               .plan_sha256 = HexEncode(run.contract().plan_sha256),
                                               .epsilon = run.privacy().epsilon_customer,
                                               .delta = run.privacy().delta,
                                               .is_private = run.contract().is_private,
                                               .customers = prepared.customers,
                                               .has_beacon = run.plan().cohorts.has_value() &&
                                                             !run.plan().cohorts->beacon.empty()}));
  if (world_.ledger != nullptr) {
    VEILSUM_ASSIGN_OR_RETURN(const Json stated, StatedFor(run, policy));
    VEILSUM_RETURN_IF_ERROR(world_.ledger->Approve(offer.plan(), offer.contract(), stated));
  }
  VEILSUM_RETURN_IF_ERROR(ReserveBudget(run, policy, *world_.odometer));
  VEILSUM_ASSIGN_OR_RETURN(charged_through_, world_.odometer->SpentThrough(run.contract_hash()));
  VEILSUM_ASSIGN_OR_RETURN(secure_agg::SessionParams params, run.SessionTerms());
  VEILSUM_ASSIGN_OR_RETURN(auto session,
                           secure_agg::ClientSession::Create(std::move(params), config_.identity,
                                                             RoundId(charged_through_)));
  if (config_.drop_fraction) {
    const std::vector<std::string>& members = run.cohort().members;
    const auto seat = std::ranges::find(members, config_.own.seat) - members.begin();
    VEILSUM_ASSIGN_OR_RETURN(drops_,
                             DropSchedule::Create(*config_.drop_fraction, config_.drop_seed,
                                                  static_cast<std::uint32_t>(seat),
                                                  static_cast<std::uint32_t>(members.size())));
  }
  sum_.emplace(std::move(session), *world_.verifier, *world_.rng);
  contribution_ = std::move(prepared.contribution);
  contract_text_ = offer.contract();
  run_.emplace(std::move(run));
  world_.log(
      absl::StrFormat("approved contract %s", HexEncode(run_->contract_hash()).substr(0, 16)));
  return absl::OkStatus();
}

absl::StatusOr<Participant::Next> Participant::OnStart(CoordinatorLink& link,
                                                       const ServerMessage& message) {
  const secagg::v1::RoundStart& wire = message.start();
  const Clock::Time received = world_.waiter->Now();
  const absl::StatusOr<secure_agg::RoundStart> start = sum_->ParseStart(wire);
  if (!start.ok()) return Refuse(link, start.status(), wire.round());
  const absl::StatusOr<model::RoundPurpose> purpose = CheckedPurpose(*start);
  if (!purpose.ok()) return Refuse(link, purpose.status(), wire.round());
  if (const absl::Status proved = Proved(*start); !proved.ok()) return Stopped(link, proved);
  const absl::StatusOr<model::ModelVector> model = CheckedModel(link, *start, message.model());
  if (absl::IsUnavailable(model.status())) return model.status();
  if (!model.ok()) return Refuse(link, model.status(), wire.round());
  if (const absl::Status opened = sum_->Open(*start, received + SlotTimeout()); !opened.ok())
    return Refuse(link, opened, wire.round());
  if (const absl::Status charged = Charge(*start); !charged.ok())
    return Refuse(link, charged, wire.round());
  round_ = wire.round();
  if (Vanishes(round_, DropPhase::kBeforeUpload)) return Next::kReconnect;
  const absl::Status sent = Contribute(link, *model, *purpose, received);
  if (absl::IsUnavailable(sent)) return sent;
  if (!sent.ok()) return Refuse(link, sent, round_);
  Tell(ParticipantEvent::kContributed);
  return Vanishes(round_, DropPhase::kAfterUpload) ? Next::kReconnect : Next::kRead;
}

// The coordinator gives uploads, signatures and reveals a deadline each; one more for the way.
Clock::Duration Participant::SlotTimeout() const {
  return 4 * std::chrono::milliseconds(run_->plan().rounds.deadline_ms);
}

// SA-16: what the round is for follows from its number and the contract, not from the coordinator.
absl::StatusOr<model::RoundPurpose> Participant::CheckedPurpose(
    const secure_agg::RoundStart& start) const {
  VEILSUM_ASSIGN_OR_RETURN(const model::StepConfig config,
                           model::ParseStepConfig(start.step_config));
  VEILSUM_ASSIGN_OR_RETURN(const model::RoundPurpose purpose,
                           model::PurposeOf(run_->contract(), start.round.value()));
  if (config.round != start.round.value() || config.sum != purpose.sum ||
      start.sum != purpose.sum || config.step != start.step)
    return InvalidArgument("SA-16: round %d: step_config, sum or step are not the contract's",
                           start.round.value());
  return purpose;
}

absl::StatusOr<model::ModelVector> Participant::CheckedModel(CoordinatorLink& link,
                                                             const secure_agg::RoundStart& start,
                                                             std::string_view sent_along) {
  Bytes fetched;
  if (sent_along.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(
        fetched, link.FetchModel(start.model_hash, run_->layout().size() * sizeof(float)));
  }
  const ByteView bytes = sent_along.empty() ? ByteView(fetched) : AsBytes(sent_along);
  VEILSUM_ASSIGN_OR_RETURN(model::ModelVector model,
                           model::ParseModelBytes(bytes, run_->layout().size()));
  if (model::ModelHash(model) != start.model_hash)
    return InvalidArgument("SA-16: the model is not the one announced");
  return model;
}

// SE-09, SE-10: what this round and its block will be charged here is charged in the ledger.
absl::Status Participant::Proved(const secure_agg::RoundStart& start) {
  if (world_.ledger == nullptr) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(const model::StepConfig config,
                           model::ParseStepConfig(start.step_config));
  const std::uint64_t round = start.round.value();
  return world_.ledger->MaySpend(round, std::max(round, config.last));
}

// SA-17, SE-10: the block of attempts that this round belongs to is spent, durably, before anything
// of it can leave.
absl::Status Participant::Charge(const secure_agg::RoundStart& start) {
  const std::uint64_t round = start.round.value();
  if (round <= charged_through_) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(const model::StepConfig config,
                           model::ParseStepConfig(start.step_config));
  const std::uint64_t batch_end = round + run_->plan().aggregation.key_batch - 1 - start.slot;
  if (config.last < round || config.last > batch_end)
    return InvalidArgument("SE-10: round %d: the block ends at %d, must be %d to %d", round,
                           config.last, round, batch_end);
  VEILSUM_RETURN_IF_ERROR(world_.odometer->Spend(run_->contract_hash(), round, config.last));
  charged_through_ = config.last;
  return absl::OkStatus();
}

absl::Status Participant::Contribute(CoordinatorLink& link, const model::ModelVector& model,
                                     const model::RoundPurpose& purpose, Clock::Time received) {
  VEILSUM_ASSIGN_OR_RETURN(const dp::NoisedVector noised, contribution_->Compute(purpose, model));
  VEILSUM_ASSIGN_OR_RETURN(const secure_agg::MaskedUpload masked, sum_->Mask(noised.integers()));
  const Clock::Duration tick = std::chrono::milliseconds(run_->plan().rounds.tick_ms);
  world_.waiter->WaitUntil(NextTick(received, tick, world_.waiter->Now()));
  if (world_.ledger != nullptr) world_.ledger->Sent(masked.round.value());
  return Send(link, masked);
}

absl::Status Participant::Send(CoordinatorLink& link, const secure_agg::MaskedUpload& masked) {
  if (masked.words->size() > config_.largest_frame)
    return link.Upload(masked.round.value(), *masked.words);
  ClientMessage message;
  *message.mutable_upload() = secure_agg::EncodeUploadFrame(masked, 0);
  return link.Write(message);
}

bool Participant::Vanishes(std::uint64_t round, DropPhase phase) const {
  return drops_ && drops_->At(round) == phase;
}

}  // namespace veilsum::client
