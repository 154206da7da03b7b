// The rounds of a run: a block is charged, each of its rounds opened, and its sum accepted or the
// attempt spent. Each stores before it tells anybody.
#include <algorithm>
#include <bit>
#include <cmath>

#include "base/crypto/sha256_stream.h"
#include "coordinator/run/run_machine.h"

namespace veilsum::coordinator {
namespace {

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
  if (member == members_.end()) return;
  ++member->second.lost_secrets;
  if (!member->second.LeftOut()) return;
  world_.port->Log(
      absl::StrFormat("SA-34: %s is left out of the next batches: %d of its secrets "
                      "could not be rebuilt",
                      *dealer, member->second.lost_secrets));
}

}  // namespace veilsum::coordinator
