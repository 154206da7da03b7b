#include "coordinator/run/run_machine.h"

#include "base/crypto/sha256.h"

namespace veilsum::coordinator {
namespace {

bool IsOfSetup(const v1::ClientMessage& message) {
  return message.has_advert() || message.has_shares() || message.has_report() ||
         message.has_setup_signature();
}

Hash32 HashOrZero(std::string_view wire) {
  return ParseFixed<32>("setup_hash", wire).value_or(Hash32{});
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunMachine>> RunMachine::Start(RunTerms terms, std::uint64_t seed,
                                                              World world, Clock::Time now,
                                                              const EarlierRelease& earlier) {
  VEILSUM_ASSIGN_OR_RETURN(TrainingState state, TrainingState::Create(terms, seed, earlier));
  RunRecord record;
  record.run_id = terms.contract().run_id;
  record.plan = terms.plan_json();
  record.contract = terms.contract_json();
  record.seed = seed;
  VEILSUM_RETURN_IF_ERROR(world.store->CreateRun(record, PublishedRecord(state), state.Save()));
  std::unique_ptr<RunMachine> machine(new RunMachine(std::move(terms), std::move(state), world));
  machine->Initialise(record, now);
  return machine;
}

absl::StatusOr<std::unique_ptr<RunMachine>> RunMachine::Resume(const RunRecord& record, World world,
                                                               Clock::Time now) {
  VEILSUM_ASSIGN_OR_RETURN(RunTerms terms, RunTerms::Restore(record.plan, record.contract));
  VEILSUM_RETURN_IF_ERROR(world.store->RecoverOpenRounds(record.run_id).status());
  VEILSUM_ASSIGN_OR_RETURN(const RunSnapshot snapshot, world.store->Snapshot(record.run_id));
  VEILSUM_ASSIGN_OR_RETURN(TrainingState state,
                           TrainingState::Restore(terms, snapshot.engine_state));
  std::unique_ptr<RunMachine> machine(new RunMachine(std::move(terms), std::move(state), world));
  VEILSUM_RETURN_IF_ERROR(machine->Recover(snapshot));
  machine->Initialise(record, now);
  return machine;
}

absl::Status RunMachine::Recover(const RunSnapshot& snapshot) {
  for (const Approval& approval : snapshot.approvals) approved_.insert(approval.member);
  last_opened_ = last_charged_ = snapshot.last_opened;
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Block> blocks,
                           world_.store->Blocks(snapshot.run.run_id));
  for (const Block& block : blocks)
    charged_ += model::AttemptsWithin(terms_.contract(), block.first, block.last);
  aborted_ = snapshot.aborted;
  survivors_ = snapshot.last_survivors;
  survivors_min_ = snapshot.min_survivors.value_or(0);
  return absl::OkStatus();
}

void RunMachine::Initialise(const RunRecord& record, Clock::Time now) {
  for (const auto& [member, cohort] : terms_.members()) members_[member];
  world_.rng->Fill(session_);
  Publish(PublishedRecord(state_));
  if (IsFinalRunState(record.state)) {
    state_name_ = record.state;
    reason_ = record.reason;
    phase_ = Phase::kEnded;
  } else {
    waiting_since_ = now;
    deadline_ = now;
  }
}

void RunMachine::Publish(ModelRecord published) {
  published_hash_ = published.hash;
  published_bytes_ = std::make_shared<const Bytes>(std::move(published.bytes));
  iterate_hash_ = model::ModelHash(state_.iterate());
  iterate_bytes_ = std::make_shared<const Bytes>(model::ModelBytes(state_.iterate()));
  world_.port->OfferModel(iterate_hash_, iterate_bytes_);
}

void RunMachine::OnConnected(const std::string& seat, Clock::Time now) {
  const auto member = members_.find(seat);
  if (member == members_.end())
    return world_.port->Disconnect(
        seat, PermissionDenied("SA-01: %s is no member of run %s", seat, terms_.contract().run_id));
  if (member->second.connected) Leave(seat, now);
  member->second.connected = true;
}

void RunMachine::OnMessage(const std::string& seat, const v1::ClientMessage& message,
                           Clock::Time now) {
  if (!members_.contains(seat) || !suspended_.ok()) return;
  members_[seat].silent = false;
  if (message.has_join()) {
    OnJoin(seat, message.join());
  } else if (message.has_approval()) {
    if (const absl::Status approval = OnApproval(seat, message.approval()); !approval.ok())
      world_.port->Disconnect(seat, approval);
  } else if (message.has_decline()) {
    OnDecline(seat, message.decline());
  } else if (message.has_refusal()) {
    OnRefusal(seat, message.refusal(), now);
  } else if (message.has_cosignature()) {
    if (const absl::Status taken = ledger_.OnCosignature(seat, message.cosignature()); !taken.ok())
      world_.port->Log(absl::StrFormat("%s: %s", seat, std::string(taken.message())));
    if (ledger_.on() && phase_ == Phase::kEnded) KeepCosignatures();
  } else if (message.has_upload()) {
    const secagg::v1::UploadFrame& upload = message.upload();
    if (const absl::Status taken = OnUpload(seat, upload.round(), AsBytes(upload.words()), now);
        !taken.ok())
      world_.port->Log(absl::StrFormat("%s: %s", seat, std::string(taken.message())));
  } else if (IsOfSetup(message)) {
    if (keying_) keying_->OnMessage(seat, message);
  } else if (phase_ == Phase::kRound) {
    round_->OnMessage(seat, message);
  }
  Advance(now);
}

void RunMachine::OnDisconnected(const std::string& seat, Clock::Time now) {
  if (!members_.contains(seat)) return;
  Leave(seat, now);
  Advance(now);
}

absl::Status RunMachine::OnUpload(const std::string& seat, std::uint64_t round, ByteView words,
                                  Clock::Time now) {
  if (!members_.contains(seat))
    return PermissionDenied("SA-01: %s is no member of run %s", seat, terms_.contract().run_id);
  if (phase_ != Phase::kRound)
    return FailedPrecondition("SA-21: round %d takes no upload now", round);
  members_[seat].silent = false;
  const absl::Status taken = round_->OnUpload(seat, round, words);
  Advance(now);
  return taken;
}

void RunMachine::OnTime(Clock::Time now) {
  if (now < next_deadline()) return;
  if (keying_) keying_->OnTime(now);
  if (phase_ == Phase::kRound) {
    round_->OnTime(now);
    for (const std::string& seat : round_->silent()) members_[seat].silent = true;
  }
  Advance(now);
}

void RunMachine::StopRun(const std::string& reason, Clock::Time now) {
  if (phase_ == Phase::kRound) Spend(absl::CancelledError("the run was stopped"));
  if (phase_ != Phase::kEnded) End("stopped", reason);
  Advance(now);
}

void RunMachine::Show(const std::string& seat, const absl::StatusOr<v1::ServerMessage>& head) {
  if (head.ok()) return world_.port->Send(seat, *head);
  world_.port->Log(absl::StrFormat("the ledger cannot be shown to %s: %s", seat,
                                   std::string(head.status().message())));
}

void RunMachine::KeepCosignatures() {
  if (const absl::Status kept = world_.store->ledger()->KeepCosignatures(); !kept.ok())
    world_.port->Log(
        absl::StrFormat("cosignatures could not be stored: %s", std::string(kept.message())));
}

void RunMachine::OnJoin(const std::string& seat, const v1::Join& join) {
  if (ledger_.on())
    Show(seat, ledger_.Joined(seat, join.ledger_size(), join.ledger_round(), last_opened_));
  if (phase_ == Phase::kEnded && ledger_.on()) Show(seat, ledger_.AtEnd(seat, last_opened_));
  if (phase_ == Phase::kEnded) {
    v1::ServerMessage message;
    message.mutable_ended()->set_outcome(state_name_);
    message.mutable_ended()->set_reason(reason_);
    return world_.port->Send(seat, message);
  }
  Member& member = members_[seat];
  member.held = {};
  member.Take(HashOrZero(join.setup_hash()));
  if (!join.next_setup_hash().empty()) member.Take(HashOrZero(join.next_setup_hash()));
  v1::ServerMessage message;
  message.mutable_contract()->set_contract(terms_.contract_json());
  message.mutable_contract()->set_plan(terms_.plan_json());
  world_.port->Send(seat, message);
}

// SE-02: every member signs the contract's hash with its signing certificate before its first
// round.
absl::Status RunMachine::OnApproval(const std::string& seat, const v1::ContractApproval& approval) {
  if (approval.contract_hash() != AsText(terms_.contract_hash()))
    return InvalidArgument("contract_hash is not this run's");
  VEILSUM_ASSIGN_OR_RETURN(const Ed25519Signature signature,
                           ParseFixed<64>("signature", std::string_view(approval.signature())));
  const ByteView der = AsBytes(approval.certificate());
  VEILSUM_ASSIGN_OR_RETURN(const secure_agg::SeatIdentity identity,
                           world_.verifier->Verify(der, Sha256(der)));
  const Transcript statement = Transcript("fsa/v1/approve").Add(terms_.contract_hash());
  if (identity.uri != seat || !Ed25519Verify(identity.key, statement.bytes(), signature))
    return Unauthenticated("the approval is not signed by %s", seat);
  VEILSUM_RETURN_IF_ERROR(world_.store->SaveApproval(
      terms_.contract().run_id,
      {seat, Bytes(signature.begin(), signature.end()), Bytes(der.begin(), der.end()), identity.key,
       Bytes(approval.policy().begin(), approval.policy().end())}));
  approved_.insert(seat);
  members_[seat].joined = true;
  members_[seat].absences = 0;
  world_.port->Changed();
  return absl::OkStatus();
}

void RunMachine::OnDecline(const std::string& seat, const v1::Decline& decline) {
  const std::string line = absl::StrFormat(
      "%s declined (%s): %s", seat, decline.code().substr(0, 32), decline.reason().substr(0, 400));
  declined_.push_back(line);
  world_.port->Log(line);
  if (phase_ == Phase::kApproving) End("failed", line);
}

void RunMachine::OnRefusal(const std::string& seat, const v1::Refusal& refusal, Clock::Time) {
  world_.port->Log(absl::StrFormat("%s refused round %d: %s", seat, refusal.round(),
                                   refusal.check().substr(0, 32)));
  if (refusal.round() == 0) {
    if (keying_) keying_->OnGone(seat);
  } else if (phase_ == Phase::kRound && refusal.round() == round_->round()) {
    if (refusal.check() == "SA-15") members_[seat].held = {};
    round_->OnGone(seat);
  }
}

void RunMachine::Leave(const std::string& seat, Clock::Time) {
  Member& member = members_[seat];
  member.connected = member.joined = false;
  if (keying_) keying_->OnGone(seat);
  if (phase_ == Phase::kRound) round_->OnGone(seat);
}

admin::v1::RunProgress RunMachine::Progress() const {
  admin::v1::RunProgress progress;
  progress.set_state(state_name_);
  progress.set_reason(reason_);
  progress.set_round(last_opened_ - (last_charged_ - charged_.total()));  // less those passed over
  progress.set_step(state_.step());
  progress.set_steps(terms_.plan().training.steps);
  progress.set_aborted(aborted_);
  progress.set_model_hash(std::string(AsText(published_hash_)));
  progress.set_epsilon(terms_.EpsilonAfter(charged_));
  progress.set_survivors(survivors_);
  progress.set_survivors_min(survivors_min_);
  progress.set_attempts(charged_.total());
  const auto training = &model::TrainingSum(terms_.contract()) - terms_.contract().sums.data();
  progress.set_upload_bytes(
      terms_.session()->sums()[static_cast<std::size_t>(training)].UploadBytes());
  if (state_.evaluation())
    *progress.mutable_evaluation() =
        EvaluationOf(terms_, *state_.evaluation(), state_.step(), published_hash_);
  for (const std::string& line : declined_) progress.add_declined(line);
  return progress;
}

}  // namespace veilsum::coordinator
