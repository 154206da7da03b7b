// The transitions of a run but those of its rounds (run_rounds.cc): what follows from what came in.
// Each stores before it tells anybody.
#include <algorithm>

#include "coordinator/run/run_machine.h"

namespace veilsum::coordinator {
namespace {

constexpr int kMaxFailedSetups = 8;
constexpr std::uint64_t kRoundsAhead = 8;  // before the end of a batch, when the next is keyed
constexpr int kAbsencesForgiven = 2;  // a member that missed more rounds in a row is not waited for

}  // namespace

void RunMachine::Advance(Clock::Time now) {
  while (Step(now)) {
  }
}

bool RunMachine::Step(Clock::Time now) {
  if (keying_ && phase_ != Phase::kEnded && StepKeying(now)) return true;
  switch (phase_) {
    case Phase::kApproving:
      StepApproving(now);
      return phase_ == Phase::kWaiting;
    case Phase::kWaiting:
      StepWaiting(now);
      return phase_ == Phase::kKeying || phase_ == Phase::kRound;
    case Phase::kKeying:
      return false;  // its step was tried above
    case Phase::kRound:
      return StepRound(now);
    case Phase::kEnded:
      return false;
  }
  return false;
}

void RunMachine::StepApproving(Clock::Time now) {
  if (approved_.size() == members_.size()) return EnterWaiting(now);
  deadline_ = waiting_since_ + world_.timing.patience;
  if (now < deadline_) return;
  for (const auto& [seat, member] : members_)
    if (!approved_.contains(seat))
      return End("failed", absl::StrFormat("%s has not approved the contract", seat));
}

std::set<std::string> RunMachine::Present() const {
  std::set<std::string> present;
  for (const auto& [seat, member] : members_)
    if (member.joined) present.insert(seat);
  return present;
}

std::set<std::string> RunMachine::Keyable() const {
  std::set<std::string> keyable = Present();
  std::erase_if(keyable, [&](const std::string& seat) { return members_.at(seat).LeftOut(); });
  return keyable;
}

std::set<std::string> RunMachine::Holders() const {
  std::set<std::string> holders;
  for (const auto& [seat, member] : members_)
    if (member.joined && batch_)
      if (const secure_agg::ServerBatch* batch = batch_->of(terms_.CohortOf(seat));
          batch != nullptr && member.Holds(batch->setup_hash()))
        holders.insert(seat);
  return holders;
}

bool RunMachine::SomebodyMayComeBack(const std::set<std::string>& holders) const {
  return std::ranges::any_of(batch_->members(), [&](const std::string& seat) {
    const Member& member = members_.at(seat);
    return !holders.contains(seat) && !member.joined && member.absences <= kAbsencesForgiven;
  });
}

// Early re-keying costs the rest of a charged block: only when members wait outside, and attempts
// are to spare.
bool RunMachine::ShouldRekey(const std::set<std::string>& holders) const {
  const std::uint64_t steps_left = terms_.plan().training.steps - state_.step();
  return thin_rounds_ >= 2 && Keyable().size() > holders.size() && AttemptsLeft() >= steps_left;
}

void RunMachine::EnterWaiting(Clock::Time now) {
  phase_ = Phase::kWaiting;
  round_.reset();
  waiting_since_ = now;
  deadline_ = now;
}

void RunMachine::WaitUntil(Clock::Time soft, Clock::Time now) {
  const Clock::Time hard = waiting_since_ + world_.timing.patience;
  if (now >= hard && evaluating_) return EndAfterTraining();
  if (now >= hard)
    return End(
        "stopped",
        absl::StrFormat(
            "only %d of %d merchants were there for %d s", Present().size(), members_.size(),
            std::chrono::duration_cast<std::chrono::seconds>(world_.timing.patience).count()));
  deadline_ = now < soft ? std::min(soft, hard) : hard;
}

void RunMachine::StepWaiting(Clock::Time now) {
  if (TrainingIsOver()) {
    if (!MayEvaluate()) return EndAfterTraining();
    if (!evaluating_) PassOverTraining();
    if (phase_ == Phase::kEnded) return;
  }
  const bool block_left = batch_ && last_opened_ < last_charged_;
  const bool can_key = CohortKeying::CanBegin(terms_, Keyable());
  if (block_left) {
    const std::set<std::string> holders = Holders();
    const Clock::Time soft = waiting_since_ + world_.timing.rejoin;
    if (now < soft && SomebodyMayComeBack(holders)) return WaitUntil(soft, now);
    if (batch_->MayOpen(holders) && !ShouldRekey(holders)) return OpenRound(now);
    if (!can_key) return WaitUntil(soft, now);
    GiveUpBatch("its batch was given up: too few merchants still had its keys");
    if (AttemptsLeft() == 0) return StepWaiting(now);
  }
  if (next_) return AdoptNextBatch(now);
  if (keying_) return AwaitKeying();
  const Clock::Time soft = waiting_since_ + world_.timing.regroup;
  const bool all_here = Present().size() == members_.size();
  if (can_key && (all_here || now >= soft)) {
    BeginKeying(now);
    return AwaitKeying();
  }
  WaitUntil(soft, now);
}

// Every step is published, or no attempt is left to publish one.
bool RunMachine::TrainingIsOver() const {
  return state_.step() >= terms_.plan().training.steps ||
         (last_opened_ == last_charged_ && last_charged_ >= terms_.last_training_round());
}

bool RunMachine::MayEvaluate() const {
  return terms_.plan().evaluation && !state_.evaluation() && state_.step() > 0 &&
         last_opened_ < model::AttemptsMax(terms_.contract());
}

// Attempts that training did not need are never opened, and charged to nobody but for those of a
// block that was.
void RunMachine::PassOverTraining() {
  GiveUpBatch("training is over");
  evaluating_ = true;
  last_opened_ = last_charged_ = std::max(last_charged_, terms_.last_training_round());
}

void RunMachine::EndAfterTraining() {
  const std::uint64_t steps = terms_.plan().training.steps;
  if (state_.step() >= steps) return End("finished", "");
  End("stopped",
      absl::StrFormat("all %d attempts of the contract are spent, %d of %d steps are published",
                      terms_.last_training_round(), state_.step(), steps));
}

void RunMachine::GiveUpBatch(const std::string& reason) {
  for (std::uint64_t round = last_opened_ + 1; round <= last_charged_; ++round) {
    if (const absl::Status spent = world_.store->Abort(terms_.contract().run_id, round, reason);
        !spent.ok())
      return OnStoreError(spent);
    ++aborted_;
  }
  last_opened_ = last_charged_;
  batch_.reset();
}

void RunMachine::BeginKeying(Clock::Time now) {
  const secure_agg::BatchId id{session_, next_batch_++};
  keying_began_ = now;
  keying_.emplace(terms_, id, *world_.verifier, *world_.port, Keyable(), PhaseDeadline(), now);
}

// Nothing else is left to do until the batch is there.
void RunMachine::AwaitKeying() {
  phase_ = Phase::kKeying;
  batch_.reset();
  deadline_ = Clock::Time::max();
  SetState("keying");
}

bool RunMachine::StepKeying(Clock::Time now) {
  std::optional<absl::StatusOr<BatchSet>> outcome = keying_->TakeOutcome(now);
  if (!outcome) return false;
  keying_.reset();
  world_.port->SetupEnded(
      {terms_.contract().run_id, next_batch_ - 1, outcome->ok(), now - keying_began_});
  if (outcome->ok()) {
    failed_setups_ = 0;
    next_.emplace(**std::move(outcome));
    for (const std::string& seat : next_->members())
      members_[seat].Take(next_->of(terms_.CohortOf(seat))->setup_hash());
  } else {
    world_.port->Log(std::string(outcome->status().message()));
    if (++failed_setups_ >= kMaxFailedSetups) {
      if (evaluating_)
        EndAfterTraining();
      else
        End("failed", std::string(outcome->status().message()));
      return true;
    }
  }
  if (phase_ == Phase::kKeying) EnterWaiting(now);
  return true;
}

// Once for a batch, when its end is near and rounds will be left after it.
bool RunMachine::ShouldKeyAhead() const {
  const std::uint64_t block_left = last_charged_ - last_opened_;  // after the round that is open
  return !keyed_ahead_ && block_left < kRoundsAhead && AttemptsLeft() > 0 &&
         state_.step() + 1 + block_left < terms_.plan().training.steps &&
         CohortKeying::CanBegin(terms_, Keyable());
}

void RunMachine::AdoptNextBatch(Clock::Time now) {
  batch_ = std::exchange(next_, std::nullopt);
  keyed_ahead_ = false;
  thin_rounds_ = 0;
  if (const absl::Status opened = OpenBlock(); !opened.ok()) return OnStoreError(opened);
  EnterWaiting(now);
  StepWaiting(now);
}

void RunMachine::SetState(const std::string& state) {
  if (state_name_ == state) return;
  state_name_ = state;
  world_.port->Changed();
}

void RunMachine::Rest() {
  phase_ = Phase::kEnded;
  keying_.reset();
  next_.reset();
  deadline_ = Clock::Time::max();
  world_.port->AdmitUploads(0, 0, {});
}

void RunMachine::OnStoreError(const absl::Status& error) {
  if (absl::IsUnavailable(error)) return Suspend(error);
  End("failed", std::string(error.message()));
}

void RunMachine::Suspend(const absl::Status& error) {
  suspended_ = error;
  Rest();
  reason_ = absl::StrFormat("waits for its store: %s", std::string(error.message()));
  world_.port->Changed();
}

void RunMachine::End(const std::string& outcome, const std::string& reason) {
  if (phase_ == Phase::kEnded) return;
  if (batch_ && outcome != "failed") {
    phase_ = Phase::kWaiting;  // so that a store error on the way still counts
    GiveUpBatch("the run ended");
    if (phase_ == Phase::kEnded) return;
  }
  Rest();
  if (const absl::Status stored =
          world_.store->SetRunState(terms_.contract().run_id, outcome, reason);
      absl::IsUnavailable(stored))
    return Suspend(stored);
  else if (!stored.ok())
    world_.port->Log(absl::StrFormat("the end of the run could not be stored: %s",
                                     std::string(stored.message())));
  state_name_ = outcome;
  reason_ = reason;
  v1::ServerMessage message;
  message.mutable_ended()->set_outcome(outcome);
  message.mutable_ended()->set_reason(reason);
  for (const auto& [seat, member] : members_)
    if (member.connected) {
      if (ledger_.on() && member.joined) Show(seat, ledger_.AtEnd(seat, last_opened_));
      world_.port->Send(seat, message);
    }
  world_.port->Changed();
}

}  // namespace veilsum::coordinator
