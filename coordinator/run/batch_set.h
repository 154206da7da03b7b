// One key batch of a run: a batch of the secure sum in every cohort that could set one up, all with
// the same slots, so that one round number is one slot in each of them (SE-14). A run of one cohort
// has one.
#pragma once

#include <optional>
#include <set>

#include "coordinator/store/run_store.h"
#include "secure_agg/server/server_batch.h"

namespace veilsum::coordinator {

class BatchSet {
 public:
  // By cohort; at least one is there.
  explicit BatchSet(std::vector<std::optional<secure_agg::ServerBatch>> batches);

  std::size_t cohorts() const { return batches_.size(); }
  // Null: the cohort's setup failed, it waits for the next batch. Stays where it is.
  secure_agg::ServerBatch* of(std::size_t cohort) {
    return batches_[cohort] ? &*batches_[cohort] : nullptr;
  }
  const secure_agg::ServerBatch* of(std::size_t cohort) const {
    return batches_[cohort] ? &*batches_[cohort] : nullptr;
  }
  const secure_agg::BatchId& id() const;
  std::size_t remaining_slots() const;
  // Of one cohort its own; of several SHA-256 of "veilsum/v1/setups" and of each cohort in order
  // its setup hash, or 32 zero bytes.
  Hash32 setup_hash() const;
  MemberList members() const;  // V of all cohorts, ascending
  // Whether a round of this cohort can reach its floor among `holders`.
  bool MayOpen(std::size_t cohort, const std::set<std::string>& holders) const;
  bool MayOpen(const std::set<std::string>& holders) const;  // one of them can

 private:
  std::vector<std::optional<secure_agg::ServerBatch>> batches_;
};

}  // namespace veilsum::coordinator
