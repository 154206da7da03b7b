// A run from the first approval to the last round, as a state machine: messages, departures and
// deadlines come in, messages and durable transitions go out. It stores before it tells anybody. No
// socket, no clock, no thread; one caller at a time.
//
//   approving -> waiting -> keying -> waiting -> round -> waiting ... -> finished | stopped |
//   failed
//
// Towards the end of a batch the next one is set up beside the rounds; `keying` is then skipped.
// When the store takes nothing for now (its disk is full) the machine suspends itself: it tells
// nobody anything more, and whoever owns it resumes the run from the store in a new one.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "base/clock.h"
#include "base/secure_rng.h"
#include "coordinator/run/cohort_keying.h"
#include "coordinator/run/cohort_round.h"
#include "coordinator/run/ledger_feed.h"
#include "coordinator/run/run_terms.h"
#include "coordinator/run/training_state.h"

namespace veilsum::coordinator {

struct RunMachineTiming {
  Clock::Duration rejoin =
      std::chrono::milliseconds(500);  // how long a round waits for members that have just left
  Clock::Duration regroup = std::chrono::seconds(5);  // how long a new batch waits for every member
  Clock::Duration patience = std::chrono::seconds(120);  // how long a run waits for enough members
};

class RunMachine {
 public:
  struct World {
    RunStore* store = nullptr;
    RunPort* port = nullptr;
    const secure_agg::SeatVerifier* verifier = nullptr;
    SecureRng* rng = nullptr;
    RunMachineTiming timing;
  };
  // Starts a new run or continues a stored one: rounds that were open are spent (SE-07). Errors of
  // the store and of TrainingState::Create. Once a run is started the store has its first model.
  static absl::StatusOr<std::unique_ptr<RunMachine>> Start(RunTerms terms, std::uint64_t seed,
                                                           World world, Clock::Time now,
                                                           const EarlierRelease& earlier = nullptr);
  static absl::StatusOr<std::unique_ptr<RunMachine>> Resume(const RunRecord& record, World world,
                                                            Clock::Time now);

  void OnConnected(const std::string& seat, Clock::Time now);
  void OnMessage(const std::string& seat, const v1::ClientMessage& message, Clock::Time now);
  void OnDisconnected(const std::string& seat, Clock::Time now);
  absl::Status OnUpload(const std::string& seat, std::uint64_t round, ByteView words,
                        Clock::Time now);
  void OnTime(Clock::Time now);
  void StopRun(const std::string& reason, Clock::Time now);

  Clock::Time next_deadline() const {  // Clock::Time::max(): none
    const Clock::Time keying = keying_ ? keying_->next_deadline() : Clock::Time::max();
    const Clock::Time round =
        phase_ == Phase::kRound ? round_->next_deadline() : Clock::Time::max();
    return std::min({deadline_, keying, round});
  }
  bool ended() const { return phase_ == Phase::kEnded && suspended_.ok(); }
  // Not OK: why the store took nothing. Nothing moves any more; Resume continues from what is
  // stored.
  const absl::Status& suspended() const { return suspended_; }
  const RunTerms& terms() const { return terms_; }
  admin::v1::RunProgress Progress() const;
  std::shared_ptr<const Bytes> published() const { return published_bytes_; }
  const Hash32& published_hash() const { return published_hash_; }

 private:
  enum class Phase { kApproving, kWaiting, kKeying, kRound, kEnded };
  struct Member {
    bool connected = false;
    bool joined = false;  // approved on this connection
    std::array<Hash32, 2>
        held{};            // setup_hash of the batches whose secrets it has, the older first
    bool silent = false;   // missed a deadline, and has said nothing since
    int absences = 0;      // rounds in a row that began without it
    int lost_secrets = 0;  // slots that ended because its secret could not be rebuilt

    bool LeftOut() const { return lost_secrets > 1; }  // one loss is forgiven (review, F14)
    bool Holds(const Hash32& batch) const { return held[0] == batch || held[1] == batch; }
    void Take(const Hash32& batch) { held = {held[1], batch}; }
  };

  RunMachine(RunTerms terms, TrainingState state, World world)
      : terms_(std::move(terms)),
        state_(std::move(state)),
        world_(world),
        ledger_(world.store->ledger(), terms_) {}
  void Initialise(const RunRecord& record, Clock::Time now);
  absl::Status Recover(const RunSnapshot& snapshot);

  void OnJoin(const std::string& seat, const v1::Join& join);
  absl::Status OnApproval(const std::string& seat, const v1::ContractApproval& approval);
  void OnDecline(const std::string& seat, const v1::Decline& decline);
  void OnRefusal(const std::string& seat, const v1::Refusal& refusal, Clock::Time now);
  void Leave(const std::string& seat, Clock::Time now);

  void Advance(Clock::Time now);
  bool Step(Clock::Time now);  // one transition, if one is due
  void StepApproving(Clock::Time now);
  void StepWaiting(Clock::Time now);
  bool StepKeying(Clock::Time now);  // in its own phase and beside rounds
  bool StepRound(Clock::Time now);
  void EnterWaiting(Clock::Time now);
  void BeginKeying(Clock::Time now);
  void AwaitKeying();
  bool ShouldKeyAhead() const;
  void AdoptNextBatch(Clock::Time now);
  bool TrainingIsOver() const;
  bool MayEvaluate() const;
  void PassOverTraining();
  void EndAfterTraining();
  absl::Status OpenBlock();
  void OpenRound(Clock::Time now);
  void KeepCosignatures();
  void Show(const std::string& seat, const absl::StatusOr<v1::ServerMessage>& head);
  absl::Status Accept(const RoundSum& sum);
  void Spend(const absl::Status& reason);
  void Blame(const absl::Status& reason);
  RoundFigures FiguresOf(const absl::StatusOr<RoundSum>& outcome, Clock::Time now) const;
  void End(const std::string& outcome, const std::string& reason);
  void Rest();  // nothing goes on from here
  // What an error of the store means: the end of the run, or that it is to be tried again later.
  void OnStoreError(const absl::Status& error);
  void Suspend(const absl::Status& error);
  void Publish(ModelRecord published);  // PublishedRecord(state_)

  std::set<std::string> Present() const;  // joined members
  std::set<std::string> Keyable() const;  // of those, the ones that the next roster may have
  std::set<std::string> Holders()
      const;  // of those, the ones that have the current batch's secrets
  bool SomebodyMayComeBack(const std::set<std::string>& holders) const;
  bool ShouldRekey(const std::set<std::string>& holders) const;
  void GiveUpBatch(const std::string& reason);
  Clock::Duration PhaseDeadline() const {
    return std::chrono::milliseconds(terms_.plan().rounds.deadline_ms);
  }
  void WaitUntil(Clock::Time soft, Clock::Time now);
  std::uint64_t AttemptsLeft() const {  // of training, or of evaluation once that is over
    return (evaluating_ ? model::AttemptsMax(terms_.contract()) : terms_.last_training_round()) -
           last_charged_;
  }
  void SetState(const std::string& state);

  RunTerms terms_;
  TrainingState state_;
  World world_;
  LedgerFeed ledger_;
  Phase phase_ = Phase::kApproving;
  absl::Status suspended_;  // with kEnded
  std::string state_name_ = "approving", reason_;
  std::map<std::string, Member> members_;
  std::set<std::string> approved_;
  std::vector<std::string> declined_;
  secure_agg::SessionId session_{};
  std::uint32_t next_batch_ = 0;
  std::optional<CohortKeying> keying_;
  std::optional<BatchSet> batch_, next_;  // in use; ready to follow it
  std::optional<CohortRound> round_;
  Clock::Time round_began_{};
  Clock::Time keying_began_{};
  std::size_t round_holders_ = 0;     // members that could take part in it
  std::uint64_t block_first_ = 1;     // round number of the batch's slot 0
  std::uint64_t last_charged_ = 0;    // last round of the last block opened
  std::uint64_t last_opened_ = 0;     // last round opened
  model::AttemptsByPurpose charged_;  // of all blocks opened
  bool evaluating_ = false;  // training is over: rounds are evaluation's, on the published model
  std::uint64_t aborted_ = 0;
  std::uint32_t survivors_ = 0, survivors_min_ = 0;
  int thin_rounds_ = 0;                        // rounds in a row with more than a tenth of V absent
  Clock::Time deadline_ = Clock::Time::max();  // of waiting and approving; rounds have their own
  Clock::Time waiting_since_{};
  int failed_setups_ = 0;  // in a row
  bool keyed_ahead_ =
      false;  // tried once for this batch: after a failure the next try has its own phase
  std::shared_ptr<const Bytes> published_bytes_;
  Hash32 iterate_hash_{};  // of what rounds train on now
  std::shared_ptr<const Bytes> iterate_bytes_;
  Hash32 published_hash_{};
};

}  // namespace veilsum::coordinator
