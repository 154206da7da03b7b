// The model as a run trains it: the iterate, the optimiser's state, what is published, and what
// private evaluation has said about it. Saved
// whole with every commit, so that a restarted coordinator continues bit for bit from accepted sums
// only.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "coordinator/run/evaluation.h"
#include "coordinator/run/release_shelf.h"
#include "coordinator/run/run_terms.h"
#include "coordinator/store/run_store.h"
#include "coordinator/strategy/strategy.h"
#include "dp/mechanism/band_rows.h"

namespace veilsum::coordinator {

class TrainingState {
 public:
  // The initial model of `seed`, or of the release that the plan names, `earlier`.
  // FailedPrecondition: that is another one, or null. Errors of model::StartFrom.
  static absl::StatusOr<TrainingState> Create(const RunTerms& terms, std::uint64_t seed,
                                              const EarlierRelease& earlier = nullptr);
  // InvalidArgument when `saved` is not a state of this run.
  static absl::StatusOr<TrainingState> Restore(const RunTerms& terms, ByteView saved);
  Bytes Save() const;

  // Takes the decoded sum of one attempt over `survivors` merchants; attempts of one sum only grow.
  // Post-processing only.
  absl::Status Apply(const RunTerms& terms, const model::RoundPurpose& attempt,
                     std::span<const std::int64_t> values, std::size_t survivors);
  // The histograms of Published(), once they were summed.
  const std::optional<EvaluationSum>& evaluation() const { return evaluation_; }
  std::uint64_t step() const { return strategy_->steps(); }
  const model::ModelVector& iterate() const { return iterate_; }  // what rounds train on
  model::ModelVector Published() const { return strategy_->Averaged(iterate_); }

 private:
  TrainingState(model::ModelVector iterate, std::unique_ptr<Strategy> strategy,
                std::optional<dp::BandDecoder> bands)
      : iterate_(std::move(iterate)), strategy_(std::move(strategy)), bands_(std::move(bands)) {}
  void Step(const RunTerms& terms, std::uint64_t attempt, std::span<const std::int64_t> values,
            std::size_t survivors);
  void MerchantStep(const RunTerms& terms, std::span<const std::int64_t> values);
  model::ModelVector iterate_;
  std::unique_ptr<Strategy> strategy_;
  std::optional<dp::BandDecoder> bands_;  // of a banded plan: the last steps
  std::optional<EvaluationSum> evaluation_;
};

// The published model as the store keeps it.
ModelRecord PublishedRecord(const TrainingState& state);

}  // namespace veilsum::coordinator
