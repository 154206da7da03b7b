// The transitions of a run: what follows from what came in. Each stores before it tells anybody.
#include <algorithm>
#include <bit>
#include <cmath>

#include "base/crypto/sha256_stream.h"
#include "coordinator/run/run_machine.h"

namespace veilsum::coordinator {
namespace {

constexpr int kMaxFailedSetups = 8;
constexpr std::uint64_t kRoundsAhead =
    8;                                // rounds before the end of a batch, when the next is keyed
constexpr int kAbsencesForgiven = 2;  // a member that missed more rounds in a row is not waited for

constexpr int kLostSecretsForgiven = 1;  // a dealer named more often is left out (review, F14)

Hash32 SumHash(std::span<const std::int64_t> values) {
  static_assert(std::endian::native == std::endian::little,
                "sums are hashed as little-endian int64");
  const auto bytes = std::as_bytes(values);
  return Sha256Stream("veilsum/v1/sum")
      .Add({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()})
      .Finish();
}

// The members that are not in a sum, by name as far as a line goes.
std::string Missing(std::uint64_t round, const MemberList& members, const MemberList& survivors) {
  constexpr std::size_t kMostNamed = 8;
  std::string names;
  std::size_t missing = 0;
  for (const std::string& member : members)
    if (!std::ranges::binary_search(survivors, member) && ++missing <= kMostNamed)
      names += (missing > 1 ? ", " : "") + member;
  if (missing > kMostNamed) names += absl::StrFormat(" and %d more", missing - kMostNamed);
  return absl::StrFormat("round %d is without %s", round, names);
}

// The largest magnitude of centred integers of Z_2^k, against 2^(k-1), the largest there is.
double RingShare(const std::vector<std::int64_t>& values, std::uint32_t bits) {
  double largest = 0;
  for (const std::int64_t value : values)
    largest = std::max(largest, std::abs(static_cast<double>(value)));
  return std::ldexp(largest, 1 - static_cast<int>(bits));
}

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
  std::erase_if(keyable, [&](const std::string& seat) {
    return members_.at(seat).lost_secrets > kLostSecretsForgiven;
  });
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

// SE-07, SE-10: the whole block is charged to every member of V before any of them hears of its
// first round.
absl::Status RunMachine::OpenBlock() {
  const std::uint64_t before_training =
      terms_.last_training_round() - model::TrainingSum(terms_.contract()).attempts_max;
  const std::uint64_t wanted = evaluating_ ? 1
                                           : terms_.plan().training.steps - state_.step() +
                                                 (before_training > last_charged_);
  const std::uint64_t size =
      std::min<std::uint64_t>({batch_->remaining_slots(), AttemptsLeft(), wanted});
  Block block;
  block.first = last_charged_ + 1;
  block.last = last_charged_ + size;
  block.session = Bytes(session_.begin(), session_.end());
  block.batch = batch_->id().batch;
  VEILSUM_ASSIGN_OR_RETURN(const model::RoundPurpose purpose,
                           model::PurposeOf(terms_.contract(), block.first));
  block.sum_index = static_cast<std::uint32_t>(purpose.sum);
  const Hash32 setup_hash = batch_->setup_hash();
  block.setup_hash = Bytes(setup_hash.begin(), setup_hash.end());
  block.members = batch_->members();
  VEILSUM_RETURN_IF_ERROR(world_.store->OpenBlock(terms_.contract().run_id, block));
  block_first_ = block.first;
  last_charged_ = block.last;
  charged_ += model::AttemptsWithin(terms_.contract(), block.first, block.last);
  return absl::OkStatus();
}

void RunMachine::OpenRound(Clock::Time now) {
  const std::uint64_t round = ++last_opened_;
  const absl::StatusOr<model::RoundPurpose> purpose = model::PurposeOf(terms_.contract(), round);
  if (!purpose.ok()) return End("failed", std::string(purpose.status().message()));
  const std::set<std::string> holders = Holders();
  std::set<std::string> silent;
  for (const std::string& seat : holders)
    if (members_[seat].silent) silent.insert(seat);
  std::size_t absent = 0;
  const MemberList active = batch_->members();
  for (const std::string& seat : active) {
    Member& member = members_[seat];
    member.absences = holders.contains(seat) ? 0 : member.absences + 1;
    absent += member.absences > 0;
  }
  thin_rounds_ = 10 * absent > active.size() ? thin_rounds_ + 1 : 0;
  // SE-10: nobody sends before it has seen the rounds opened.
  for (const std::string& seat : holders)
    if (ledger_.Needs(seat, block_first_)) Show(seat, ledger_.ForBlock(seat, block_first_));
  secure_agg::SlotRequest request;
  request.slot = static_cast<std::uint16_t>(round - block_first_);
  request.round = RoundId(round);
  request.model_hash = evaluating_ ? published_hash_ : iterate_hash_;
  request.sum = static_cast<std::uint16_t>(purpose->sum);
  request.step = state_.step();
  request.config = model::EncodeStepConfig(
      {.round = round, .step = state_.step(), .sum = purpose->sum, .last = last_charged_});
  const std::string& kind = terms_.contract().sums[purpose->sum].purpose;
  SetState(kind == model::kTrain ? "training" : kind);
  const std::shared_ptr<const Bytes>& model = evaluating_ ? published_bytes_ : iterate_bytes_;
  if (evaluating_) world_.port->OfferModel(published_hash_, published_bytes_);
  absl::StatusOr<CohortRound> opened =
      CohortRound::Open({terms_, *batch_, *world_.store, *world_.port}, request, *model, holders,
                        silent, PhaseDeadline(), now);
  if (!opened.ok()) return End("failed", std::string(opened.status().message()));
  round_.emplace(*std::move(opened));
  round_began_ = now;
  round_holders_ = holders.size();
  phase_ = Phase::kRound;
  deadline_ = Clock::Time::max();
  if (!keying_ && !next_ && ShouldKeyAhead()) {
    keyed_ahead_ = true;
    BeginKeying(now);
  }
}

bool RunMachine::StepRound(Clock::Time now) {
  std::optional<absl::StatusOr<RoundSum>> outcome = round_->TakeOutcome(now);
  if (!outcome) return false;
  RoundFigures figures = FiguresOf(*outcome, now);
  for (const absl::Status& failed : round_->failures()) Blame(failed);
  if (!outcome->ok()) {
    Spend(outcome->status());
  } else if (const absl::Status accepted = Accept(**outcome); !accepted.ok()) {
    OnStoreError(accepted);
    figures.committed = false;
  } else if (figures.dropped > 0) {
    world_.port->Log(Missing(round_->round(), batch_->members(), (*outcome)->survivors));
  }
  world_.port->RoundEnded(figures);
  if (phase_ == Phase::kEnded) return true;
  EnterWaiting(now);
  world_.port->Changed();
  return true;
}

RoundFigures RunMachine::FiguresOf(const absl::StatusOr<RoundSum>& outcome, Clock::Time now) const {
  RoundFigures figures{
      .run_id = terms_.contract().run_id, .round = round_->round(), .committed = outcome.ok()};
  figures.took = now - round_began_;
  figures.phases = round_->Phases(now);
  figures.bytes_out = round_holders_ * terms_.layout().size() * sizeof(float);
  const double claimed = terms_.privacy().epsilon;
  if (terms_.contract().is_private && claimed > 0)
    figures.epsilon_spent_ratio = terms_.EpsilonAfter(charged_) / claimed;
  if (!outcome.ok()) return figures;
  const absl::StatusOr<model::RoundPurpose> purpose =
      model::PurposeOf(terms_.contract(), round_->round());
  figures.participants = outcome->survivors.size();
  figures.dropped = batch_->members().size() - figures.participants;
  if (!purpose.ok()) return figures;
  figures.bytes_in = figures.participants * terms_.session()->sums()[purpose->sum].UploadBytes();
  figures.ring_share = RingShare(outcome->values, terms_.contract().sums[purpose->sum].bits);
  return figures;
}

// The sum, the model and the optimiser become durable together, before any byte of the new model
// leaves.
absl::Status RunMachine::Accept(const RoundSum& sum) {
  VEILSUM_ASSIGN_OR_RETURN(const model::RoundPurpose purpose,
                           model::PurposeOf(terms_.contract(), round_->round()));
  VEILSUM_RETURN_IF_ERROR(state_.Apply(terms_, purpose, sum.values, sum.survivors.size()));
  RoundCommit commit;
  commit.round = round_->round();
  commit.survivors = sum.survivors;
  commit.lost = sum.lost;
  commit.step = state_.step();
  commit.sum_hash = SumHash(sum.values);
  if (!evaluating_) commit.model = PublishedRecord(state_);  // evaluation publishes none
  commit.engine_state = state_.Save();
  VEILSUM_RETURN_IF_ERROR(world_.store->Commit(terms_.contract().run_id, commit));
  if (evaluating_) return absl::OkStatus();
  survivors_ = static_cast<std::uint32_t>(sum.survivors.size());
  survivors_min_ = survivors_min_ == 0 ? survivors_ : std::min(survivors_min_, survivors_);
  Publish(*std::move(commit.model));
  return absl::OkStatus();
}

void RunMachine::Spend(const absl::Status& reason) {
  const std::string text(reason.message());
  world_.port->Log(
      absl::StrFormat("round %d is spent without a result: %s", round_->round(), text));
  world_.port->AdmitUploads(0, 0, {});
  ++aborted_;
  if (const absl::Status spent =
          world_.store->Abort(terms_.contract().run_id, round_->round(), text);
      !spent.ok())
    OnStoreError(spent);
}

// SA-34, F14. The count lives as long as this process: a restarted coordinator forgives once more.
void RunMachine::Blame(const absl::Status& reason) {
  const std::optional<std::string> dealer = secure_agg::BlamedDealer(reason);
  if (!dealer) return;
  const auto member = members_.find(*dealer);
  if (member == members_.end() || ++member->second.lost_secrets <= kLostSecretsForgiven) return;
  world_.port->Log(
      absl::StrFormat("SA-34: %s is left out of the next batches: %d of its secrets "
                      "could not be rebuilt",
                      *dealer, member->second.lost_secrets));
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
