// Setup of one batch in all cohorts of a run, side by side: each is a setup of its own, with its
// own phases and deadlines, and one that fails costs only its own cohort the batch.
#pragma once

#include <memory>

#include "coordinator/run/batch_set.h"
#include "coordinator/run/keying.h"
#include "coordinator/run/run_terms.h"

namespace veilsum::coordinator {

class CohortKeying {
 public:
  // Offers the batch to `present`; a cohort with too few of them does not begin. `deadline` is what
  // each phase waits for its last members. References must outlive it.
  CohortKeying(const RunTerms& terms, const secure_agg::BatchId& batch,
               const secure_agg::SeatVerifier& verifier, RunPort& port,
               const std::set<std::string>& present, Clock::Duration deadline, Clock::Time now);

  // The members of one cohort among `present`.
  static std::set<std::string> MembersIn(const RunTerms& terms, std::size_t cohort,
                                         const std::set<std::string>& present);
  // Whether at least one cohort has enough of its members among `present` for a lawful roster.
  static bool CanBegin(const RunTerms& terms, const std::set<std::string>& present);

  void OnMessage(const std::string& seat, const v1::ClientMessage& message);
  void OnGone(const std::string& seat);
  void OnTime(Clock::Time now);  // closes the phases whose deadline has come
  Clock::Time next_deadline() const;
  // Looks what has happened: phases that have moved on get a new deadline. Set when every cohort is
  // through: the batch, or why no cohort has one.
  std::optional<absl::StatusOr<BatchSet>> TakeOutcome(Clock::Time now);

 private:
  struct Lane {
    std::unique_ptr<Keying> keying;  // null: over
    absl::Status failed;
    int phase = 0;
    Clock::Time deadline{};
  };
  void Settle(std::size_t cohort, Clock::Time now);

  const RunTerms& terms_;
  RunPort& port_;
  Clock::Duration deadline_;
  std::vector<Lane> lanes_;  // by cohort
  std::vector<std::optional<secure_agg::ServerBatch>> batches_;
};

}  // namespace veilsum::coordinator
