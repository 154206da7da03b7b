#include "coordinator/run/run_machine.h"

#include <algorithm>
#include <bit>

#include "base/crypto/sha256.h"
#include "model/init.h"

namespace veilsum::coordinator {
namespace {

constexpr int kMaxFailedSetups = 8;
constexpr int kAbsencesForgiven = 2;  // a member that missed more rounds in a row is not waited for

Hash32 SumHash(std::span<const std::int64_t> values) {
  static_assert(std::endian::native == std::endian::little, "sums are hashed as little-endian int64");
  const auto bytes = std::as_bytes(values);
  return Transcript("veilsum/v1/sum").Add({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}).Sha256();
}

ModelRecord RecordOf(const model::ModelVector& model, std::uint64_t step) {
  return {model::ModelHash(model), step, model::ModelBytes(model)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunMachine>> RunMachine::Start(RunTerms terms, std::uint64_t seed, World world,
                                                              Clock::Time now) {
  VEILSUM_ASSIGN_OR_RETURN(TrainingState state, TrainingState::Create(terms, seed));
  RunRecord record;
  record.run_id = terms.contract().run_id;
  record.plan = terms.plan_json();
  record.contract = terms.contract_json();
  record.seed = seed;
  VEILSUM_RETURN_IF_ERROR(world.store->CreateRun(record, RecordOf(state.Published(), 0), state.Save()));
  std::unique_ptr<RunMachine> machine(new RunMachine(std::move(terms), std::move(state), world));
  machine->Initialise(record, now);
  return machine;
}

absl::StatusOr<std::unique_ptr<RunMachine>> RunMachine::Resume(const RunRecord& record, World world, Clock::Time now) {
  VEILSUM_ASSIGN_OR_RETURN(RunTerms terms, RunTerms::Restore(record.plan, record.contract));
  VEILSUM_RETURN_IF_ERROR(world.store->RecoverOpenRounds(record.run_id).status());
  VEILSUM_ASSIGN_OR_RETURN(const RunSnapshot snapshot, world.store->Snapshot(record.run_id));
  VEILSUM_ASSIGN_OR_RETURN(TrainingState state, TrainingState::Restore(terms, snapshot.engine_state));
  std::unique_ptr<RunMachine> machine(new RunMachine(std::move(terms), std::move(state), world));
  VEILSUM_RETURN_IF_ERROR(machine->Recover(snapshot));
  machine->Initialise(record, now);
  return machine;
}

absl::Status RunMachine::Recover(const RunSnapshot& snapshot) {
  for (const Approval& approval : snapshot.approvals) approved_.insert(approval.member);
  last_opened_ = last_charged_ = snapshot.last_opened;
  aborted_ = snapshot.aborted;
  survivors_ = snapshot.last_survivors;
  survivors_min_ = snapshot.min_survivors.value_or(0);
  return absl::OkStatus();
}

void RunMachine::Initialise(const RunRecord& record, Clock::Time now) {
  for (const std::string& member : terms_.cohort().members) members_[member];
  world_.rng->Fill(session_);
  Publish();
  if (IsFinalRunState(record.state)) {
    state_name_ = record.state;
    reason_ = record.reason;
    phase_ = Phase::kEnded;
  } else {
    waiting_since_ = now;
    deadline_ = now;
  }
}

void RunMachine::Publish() {
  const model::ModelVector published = state_.Published();
  published_hash_ = model::ModelHash(published);
  published_bytes_ = std::make_shared<const Bytes>(model::ModelBytes(published));
  iterate_hash_ = model::ModelHash(state_.iterate());
  iterate_bytes_ = std::make_shared<const Bytes>(model::ModelBytes(state_.iterate()));
  world_.port->OfferModel(iterate_hash_, iterate_bytes_);
}

// ---- What comes in --------------------------------------------------------------------------------

void RunMachine::OnConnected(const std::string& seat, Clock::Time now) {
  const auto member = members_.find(seat);
  if (member == members_.end())
    return world_.port->Disconnect(seat, PermissionDenied("SA-01: %s is no member of run %s", seat, terms_.contract().run_id));
  if (member->second.connected) Leave(seat, now);
  member->second.connected = true;
}

void RunMachine::OnMessage(const std::string& seat, const v1::ClientMessage& message, Clock::Time now) {
  if (!members_.contains(seat)) return;
  if (message.has_join()) {
    OnJoin(seat, message.join());
  } else if (message.has_approval()) {
    if (const absl::Status approval = OnApproval(seat, message.approval()); !approval.ok())
      world_.port->Disconnect(seat, approval);
  } else if (message.has_decline()) {
    OnDecline(seat, message.decline());
  } else if (message.has_refusal()) {
    OnRefusal(seat, message.refusal(), now);
  } else if (message.has_upload()) {
    const secagg::v1::UploadFrame& upload = message.upload();
    if (const absl::Status taken = OnUpload(seat, upload.round(), AsBytes(upload.words()), now); !taken.ok())
      world_.port->Log(absl::StrFormat("%s: %s", seat, std::string(taken.message())));
  } else if (phase_ == Phase::kKeying) {
    keying_->OnMessage(seat, message);
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

absl::Status RunMachine::OnUpload(const std::string& seat, std::uint64_t round, ByteView words, Clock::Time now) {
  if (phase_ != Phase::kRound) return FailedPrecondition("SA-21: round %d takes no upload now", round);
  const absl::Status taken = round_->OnUpload(seat, round, words);
  Advance(now);
  return taken;
}

void RunMachine::OnTime(Clock::Time now) {
  if (now < deadline_) return;
  if (phase_ == Phase::kKeying) keying_->OnDeadline();
  if (phase_ == Phase::kRound) round_->OnDeadline();
  Advance(now);
}

void RunMachine::StopRun(const std::string& reason, Clock::Time now) {
  if (phase_ == Phase::kRound) Spend(absl::CancelledError("the run was stopped"));
  if (phase_ != Phase::kEnded) End("stopped", reason);
  Advance(now);
}

void RunMachine::OnJoin(const std::string& seat, const v1::Join& join) {
  if (phase_ == Phase::kEnded) {
    v1::ServerMessage message;
    message.mutable_ended()->set_outcome(state_name_);
    message.mutable_ended()->set_reason(reason_);
    return world_.port->Send(seat, message);
  }
  Member& member = members_[seat];
  member.held = Hash32{};
  if (const auto held = ParseFixed<32>("setup_hash", std::string_view(join.setup_hash())); held.ok()) member.held = *held;
  v1::ServerMessage message;
  message.mutable_contract()->set_contract(terms_.contract_json());
  message.mutable_contract()->set_plan(terms_.plan_json());
  world_.port->Send(seat, message);
}

// SE-02: every member signs the contract's hash with its signing certificate before its first round.
absl::Status RunMachine::OnApproval(const std::string& seat, const v1::ContractApproval& approval) {
  if (approval.contract_hash() != AsText(terms_.contract_hash()))
    return InvalidArgument("contract_hash is not this run's");
  VEILSUM_ASSIGN_OR_RETURN(const Ed25519Signature signature,
                           ParseFixed<64>("signature", std::string_view(approval.signature())));
  const ByteView der = AsBytes(approval.certificate());
  VEILSUM_ASSIGN_OR_RETURN(const secure_agg::SeatIdentity identity, world_.verifier->Verify(der, Sha256(der)));
  const Transcript statement = Transcript("fsa/v1/approve").Add(terms_.contract_hash());
  if (identity.uri != seat || !Ed25519Verify(identity.key, statement.bytes(), signature))
    return Unauthenticated("the approval is not signed by %s", seat);
  VEILSUM_RETURN_IF_ERROR(world_.store->SaveApproval(
      terms_.contract().run_id, {seat, Bytes(signature.begin(), signature.end()), Bytes(der.begin(), der.end())}));
  approved_.insert(seat);
  members_[seat].joined = true;
  members_[seat].absences = 0;
  world_.port->Changed();
  return absl::OkStatus();
}

void RunMachine::OnDecline(const std::string& seat, const v1::Decline& decline) {
  const std::string line = absl::StrFormat("%s declined (%s): %s", seat, decline.code().substr(0, 32),
                                           decline.reason().substr(0, 400));
  declined_.push_back(line);
  world_.port->Log(line);
  if (phase_ == Phase::kApproving) End("failed", line);
}

void RunMachine::OnRefusal(const std::string& seat, const v1::Refusal& refusal, Clock::Time) {
  world_.port->Log(absl::StrFormat("%s refused round %d: %s", seat, refusal.round(), refusal.check().substr(0, 32)));
  if (phase_ == Phase::kKeying) {
    members_[seat].held = Hash32{};
    keying_->OnGone(seat);
  } else if (phase_ == Phase::kRound && refusal.round() == round_->round()) {
    if (refusal.check() == "SA-15") members_[seat].held = Hash32{};
    round_->OnGone(seat);
  }
}

void RunMachine::Leave(const std::string& seat, Clock::Time) {
  Member& member = members_[seat];
  member.connected = member.joined = false;
  if (phase_ == Phase::kKeying) keying_->OnGone(seat);
  if (phase_ == Phase::kRound) round_->OnGone(seat);
}

// ---- What follows ---------------------------------------------------------------------------------

void RunMachine::Advance(Clock::Time now) {
  while (Step(now)) {
  }
}

bool RunMachine::Step(Clock::Time now) {
  switch (phase_) {
    case Phase::kApproving: StepApproving(now); return phase_ == Phase::kWaiting;
    case Phase::kWaiting: StepWaiting(now); return phase_ == Phase::kKeying || phase_ == Phase::kRound;
    case Phase::kKeying: return StepKeying(now);
    case Phase::kRound: return StepRound(now);
    case Phase::kEnded: return false;
  }
  return false;
}

void RunMachine::StepApproving(Clock::Time now) {
  if (approved_.size() == members_.size()) return EnterWaiting(now);
  deadline_ = waiting_since_ + world_.timing.patience;
  if (now < deadline_) return;
  for (const auto& [seat, member] : members_)
    if (!approved_.contains(seat)) return End("failed", absl::StrFormat("%s has not approved the contract", seat));
}

std::set<std::string> RunMachine::Present() const {
  std::set<std::string> present;
  for (const auto& [seat, member] : members_)
    if (member.joined) present.insert(seat);
  return present;
}

std::set<std::string> RunMachine::Holders() const {
  std::set<std::string> holders;
  for (const auto& [seat, member] : members_)
    if (member.joined && batch_ && member.held == batch_->setup_hash()) holders.insert(seat);
  return holders;
}

bool RunMachine::SomebodyMayComeBack(const std::set<std::string>& holders) const {
  return std::ranges::any_of(batch_->active().Indices(), [&](RosterIndex i) {
    const std::string& seat = batch_->roster().uri(i);
    const Member& member = members_.at(seat);
    return !holders.contains(seat) && !member.joined && member.absences <= kAbsencesForgiven;
  });
}

// Early re-keying costs the rest of a charged block: only when members wait outside, and attempts are to spare.
bool RunMachine::ShouldRekey(const std::set<std::string>& holders) const {
  const std::uint64_t steps_left = terms_.plan().training.steps - state_.step();
  return thin_rounds_ >= 2 && Present().size() > holders.size() && AttemptsLeft() >= steps_left;
}

void RunMachine::EnterWaiting(Clock::Time now) {
  phase_ = Phase::kWaiting;
  keying_.reset();
  round_.reset();
  waiting_since_ = now;
  deadline_ = now;
}

void RunMachine::WaitUntil(Clock::Time soft, Clock::Time now) {
  const Clock::Time hard = waiting_since_ + world_.timing.patience;
  if (now >= hard)
    return End("stopped", absl::StrFormat("only %d of %d merchants were there for %d s", Present().size(), members_.size(),
                                          std::chrono::duration_cast<std::chrono::seconds>(world_.timing.patience).count()));
  deadline_ = now < soft ? std::min(soft, hard) : hard;
}

void RunMachine::StepWaiting(Clock::Time now) {
  if (state_.step() >= terms_.plan().training.steps) return End("finished", "");
  const bool block_left = batch_ && last_opened_ < last_charged_;
  if (!block_left && AttemptsLeft() == 0)
    return End("stopped", absl::StrFormat("all %d attempts of the contract are spent, %d of %d steps are published",
                                          model::AttemptsMax(terms_.contract()), state_.step(),
                                          terms_.plan().training.steps));
  const bool can_key = secure_agg::Thresholds::Create(Present().size(), *terms_.session()).ok();
  if (block_left) {
    const std::set<std::string> holders = Holders();
    const Clock::Time soft = waiting_since_ + world_.timing.rejoin;
    if (now < soft && SomebodyMayComeBack(holders)) return WaitUntil(soft, now);
    if (holders.size() >= batch_->roster().thresholds().floor && !ShouldRekey(holders)) return OpenRound(now);
    if (!can_key) return WaitUntil(soft, now);
    GiveUpBatch("its batch was given up: too few merchants still had its keys");
    if (AttemptsLeft() == 0) return StepWaiting(now);
  }
  const Clock::Time soft = waiting_since_ + world_.timing.regroup;
  const bool all_here = Present().size() == members_.size();
  if (can_key && (all_here || now >= soft)) return BeginKeying(now);
  WaitUntil(soft, now);
}

void RunMachine::GiveUpBatch(const std::string& reason) {
  for (std::uint64_t round = last_opened_ + 1; round <= last_charged_; ++round) {
    if (const absl::Status spent = world_.store->Abort(terms_.contract().run_id, round, reason); !spent.ok())
      return End("failed", std::string(spent.message()));
    ++aborted_;
  }
  last_opened_ = last_charged_;
  batch_.reset();
}

void RunMachine::BeginKeying(Clock::Time now) {
  phase_ = Phase::kKeying;
  batch_.reset();
  phase_number_ = -1;
  deadline_ = now + std::chrono::milliseconds(terms_.plan().rounds.deadline_ms);
  const secure_agg::BatchId id{session_, next_batch_++};
  keying_.emplace(terms_.session(), id, *world_.verifier, *world_.port, Present());
  SetState("keying");
}

bool RunMachine::StepKeying(Clock::Time now) {
  std::optional<absl::StatusOr<secure_agg::ServerBatch>> outcome = keying_->TakeOutcome();
  if (!outcome) {
    if (std::exchange(phase_number_, keying_->phase_number()) != keying_->phase_number())
      deadline_ = now + std::chrono::milliseconds(terms_.plan().rounds.deadline_ms);
    return false;
  }
  if (outcome->ok()) {
    failed_setups_ = thin_rounds_ = 0;
    batch_.emplace(**std::move(outcome));
    const absl::Status opened = OpenBlock();
    opened.ok() ? EnterWaiting(now) : End("failed", std::string(opened.message()));
    return true;
  }
  world_.port->Log(std::string(outcome->status().message()));
  if (++failed_setups_ >= kMaxFailedSetups) End("failed", std::string(outcome->status().message()));
  else EnterWaiting(now);
  return true;
}

// SE-07, SE-10: the whole block is charged to every member of V before any of them hears of its first round.
absl::Status RunMachine::OpenBlock() {
  const std::uint64_t wanted = terms_.plan().training.steps - state_.step() +
                               (model::AttemptsMax(terms_.contract()) - terms_.contract().sums.back().attempts_max > last_charged_);
  const std::uint64_t size = std::min<std::uint64_t>({batch_->remaining_slots(), AttemptsLeft(), wanted});
  Block block;
  block.first = last_charged_ + 1;
  block.last = last_charged_ + size;
  block.session = Bytes(session_.begin(), session_.end());
  block.batch = batch_->id().batch;
  VEILSUM_ASSIGN_OR_RETURN(const model::RoundPurpose purpose, model::PurposeOf(terms_.contract(), block.first));
  block.sum_index = static_cast<std::uint32_t>(purpose.sum);
  block.setup_hash = Bytes(batch_->setup_hash().begin(), batch_->setup_hash().end());
  for (const RosterIndex i : batch_->active().Indices()) block.members.push_back(batch_->roster().uri(i));
  std::ranges::sort(block.members);
  VEILSUM_RETURN_IF_ERROR(world_.store->OpenBlock(terms_.contract().run_id, block));
  for (const std::string& seat : block.members) members_[seat].held = batch_->setup_hash();
  block_first_ = block.first;
  last_charged_ = block.last;
  return absl::OkStatus();
}

void RunMachine::OpenRound(Clock::Time now) {
  const std::uint64_t round = ++last_opened_;
  const absl::StatusOr<model::RoundPurpose> purpose = model::PurposeOf(terms_.contract(), round);
  if (!purpose.ok()) return End("failed", std::string(purpose.status().message()));
  const std::set<std::string> holders = Holders();
  std::size_t absent = 0;
  for (const RosterIndex i : batch_->active().Indices()) {
    Member& member = members_[batch_->roster().uri(i)];
    member.absences = holders.contains(batch_->roster().uri(i)) ? 0 : member.absences + 1;
    absent += member.absences > 0;
  }
  thin_rounds_ = 10 * absent > batch_->active().size() ? thin_rounds_ + 1 : 0;
  secure_agg::SlotRequest request;
  request.slot = static_cast<std::uint16_t>(round - block_first_);
  request.round = RoundId(round);
  request.model_hash = iterate_hash_;
  request.sum = static_cast<std::uint16_t>(purpose->sum);
  request.step = state_.step();
  request.config = model::EncodeStepConfig(
      {.round = round, .step = state_.step(), .sum = purpose->sum, .last = last_charged_});
  SetState(terms_.contract().sums[purpose->sum].purpose == model::kTrain ? "training" : "statistics");
  absl::StatusOr<RoundStage> stage = RoundStage::Open(terms_.contract().run_id, *batch_, std::move(request), *iterate_bytes_, holders,
                                                      *world_.store, *world_.port);
  if (!stage.ok()) return End("failed", std::string(stage.status().message()));
  round_.emplace(*std::move(stage));
  phase_ = Phase::kRound;
  phase_number_ = -1;
  deadline_ = now + std::chrono::milliseconds(terms_.plan().rounds.deadline_ms);
}

bool RunMachine::StepRound(Clock::Time now) {
  std::optional<absl::StatusOr<RoundSum>> outcome = round_->TakeOutcome();
  if (!outcome) {
    if (std::exchange(phase_number_, round_->phase_number()) != round_->phase_number())
      deadline_ = now + std::chrono::milliseconds(terms_.plan().rounds.deadline_ms);
    return false;
  }
  if (!outcome->ok()) {
    Spend(outcome->status());
  } else if (const absl::Status accepted = Accept(**outcome); !accepted.ok()) {
    End("failed", std::string(accepted.message()));
  }
  if (phase_ == Phase::kEnded) return true;
  EnterWaiting(now);
  world_.port->Changed();
  return true;
}

// The sum, the model and the optimiser become durable together, before any byte of the new model leaves.
absl::Status RunMachine::Accept(const RoundSum& sum) {
  VEILSUM_ASSIGN_OR_RETURN(const model::RoundPurpose purpose, model::PurposeOf(terms_.contract(), round_->round()));
  VEILSUM_RETURN_IF_ERROR(state_.Apply(terms_, purpose.sum, sum.values));
  RoundCommit commit;
  commit.round = round_->round();
  commit.survivors = sum.survivors;
  commit.step = state_.step();
  commit.sum_hash = SumHash(sum.values);
  commit.model = RecordOf(state_.Published(), state_.step());
  commit.engine_state = state_.Save();
  VEILSUM_RETURN_IF_ERROR(world_.store->Commit(terms_.contract().run_id, commit));
  survivors_ = static_cast<std::uint32_t>(sum.survivors.size());
  survivors_min_ = survivors_min_ == 0 ? survivors_ : std::min(survivors_min_, survivors_);
  Publish();
  return absl::OkStatus();
}

void RunMachine::Spend(const absl::Status& reason) {
  const std::string text(reason.message());
  world_.port->Log(absl::StrFormat("round %d is spent without a result: %s", round_->round(), text));
  world_.port->AdmitUploads(0, 0, {});
  ++aborted_;
  if (const absl::Status spent = world_.store->Abort(terms_.contract().run_id, round_->round(), text); !spent.ok())
    End("failed", std::string(spent.message()));
}

void RunMachine::SetState(const std::string& state) {
  if (state_name_ == state) return;
  state_name_ = state;
  world_.port->Changed();
}

void RunMachine::End(const std::string& outcome, const std::string& reason) {
  if (phase_ == Phase::kEnded) return;
  phase_ = Phase::kEnded;
  if (batch_ && outcome != "failed") {
    phase_ = Phase::kWaiting;  // so that a store error on the way can still end the run as failed
    GiveUpBatch("the run ended");
    if (phase_ == Phase::kEnded) return;
    phase_ = Phase::kEnded;
  }
  state_name_ = outcome;
  reason_ = reason;
  deadline_ = Clock::Time::max();
  world_.port->AdmitUploads(0, 0, {});
  if (const absl::Status stored = world_.store->SetRunState(terms_.contract().run_id, outcome, reason); !stored.ok())
    world_.port->Log(absl::StrFormat("the end of the run could not be stored: %s", std::string(stored.message())));
  v1::ServerMessage message;
  message.mutable_ended()->set_outcome(outcome);
  message.mutable_ended()->set_reason(reason);
  for (const auto& [seat, member] : members_)
    if (member.connected) world_.port->Send(seat, message);
  world_.port->Changed();
}

admin::v1::RunProgress RunMachine::Progress() const {
  admin::v1::RunProgress progress;
  progress.set_state(state_name_);
  progress.set_reason(reason_);
  progress.set_round(last_opened_);
  progress.set_step(state_.step());
  progress.set_steps(terms_.plan().training.steps);
  progress.set_aborted(aborted_);
  progress.set_model_hash(std::string(AsText(published_hash_)));
  progress.set_epsilon(terms_.EpsilonThrough(last_charged_));
  progress.set_survivors(survivors_);
  progress.set_survivors_min(survivors_min_);
  progress.set_attempts(last_charged_);
  progress.set_upload_bytes(terms_.session()->sums().back().UploadBytes());
  for (const std::string& line : declined_) progress.add_declined(line);
  return progress;
}

}  // namespace veilsum::coordinator
