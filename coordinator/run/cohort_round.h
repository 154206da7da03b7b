// One round in all cohorts of a run, side by side (SE-14): each cohort's sum goes through its own
// uploads, U, signatures and shares, and the noised sums are added as they come. One that fails
// costs only its own members' part of the round. U of all cohorts is stored in one write, when
// every cohort's is fixed or the cohort has failed, and before the first client hears of any
// (SA-22). A cohort holds one accumulator; a sum is added and gone.
#pragma once

#include <memory>

#include "base/clock.h"
#include "coordinator/run/batch_set.h"
#include "coordinator/run/round_stage.h"
#include "coordinator/run/run_terms.h"

namespace veilsum::coordinator {

class CohortRound {
 public:
  // What a round is played with; all of it outlives the round.
  struct World {
    const RunTerms& terms;
    BatchSet& batch;
    RunStore& store;
    RunPort& port;
  };
  // Opens the slot in every cohort that can reach its floor among `holders`, and sends RoundStart.
  // `deadline` is what each phase waits for its last members.
  static absl::StatusOr<CohortRound> Open(const World& world,
                                          const secure_agg::SlotRequest& request, ByteView model,
                                          const std::set<std::string>& holders,
                                          const std::set<std::string>& silent,
                                          Clock::Duration deadline, Clock::Time now);

  std::uint64_t round() const { return round_; }
  // The status for the uploader, as RoundStage::OnUpload.
  absl::Status OnUpload(const std::string& seat, std::uint64_t round, ByteView words);
  void OnMessage(const std::string& seat, const v1::ClientMessage& message);
  void OnGone(const std::string& seat);
  void OnTime(Clock::Time now);  // closes the phases whose deadline has come
  Clock::Time next_deadline() const;
  // Looks what has happened: stores U when it is due, gives phases that have moved on a new
  // deadline. Set when every cohort is through: the sum of those that have one, or why none has.
  std::optional<absl::StatusOr<RoundSum>> TakeOutcome(Clock::Time now);
  // What all cohorts together have waited for until `now`.
  std::vector<RoundPhase> Phases(Clock::Time now) const;
  // Why cohorts have no sum, of those that have none so far.
  std::vector<absl::Status> failures() const;
  // Those who are not waited for: the ones given to Open, and who missed a deadline of this round.
  std::set<std::string> silent() const;

 private:
  struct Lane {
    std::unique_ptr<RoundStage> stage;  // null: over
    absl::Status failed;
    MemberList frozen;  // U once stored
    int phase = 0;
    Clock::Time deadline{};
    bool takes_uploads = true;
  };
  CohortRound(const World& world, std::uint64_t round, Clock::Duration deadline)
      : world_(world), round_(round), deadline_(deadline), lanes_(world.terms.cohorts()) {}
  Lane& LaneOf(const std::string& seat) { return lanes_[world_.terms.CohortOf(seat)]; }
  void Settle(Lane& lane, Clock::Time now);
  void EndUploads();
  void FreezeAll();
  absl::Status Add(Lane& lane, RoundSum sum);

  World world_;
  std::uint64_t round_;
  Clock::Duration deadline_;
  std::vector<Lane> lanes_;  // by cohort
  bool frozen_ = false;
  Clock::Time opened_{};
  std::optional<Clock::Time> frozen_at_, signed_at_;  // U of all stored; the last one signed
  RoundSum total_;
};

}  // namespace veilsum::coordinator
