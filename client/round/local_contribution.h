// The real contribution: this merchant's customers, the training engine, and the noise share of the
// contract.
#pragma once

#include <memory>

#include "base/secure_rng.h"
#include "client/data/dataset.h"
#include "client/round/approved_run.h"
#include "client/round/contribution.h"
#include "client/train/score_histogram.h"
#include "client/train/trainer.h"
#include "dp/mechanism/noise_share.h"
#include "dp/params.h"

namespace veilsum::client {

class LocalContribution final : public Contribution {
 public:
  // `holdout`: customers that are not among `training` (SE-11), for evaluation; ignored when the
  // plan has none. `rng` must outlive it; `run` is not kept. Errors of the engine and of the noise
  // share.
  static absl::StatusOr<std::unique_ptr<Contribution>> Create(const ApprovedRun& run,
                                                              model::Examples training,
                                                              SecureRng& rng,
                                                              model::Examples holdout = {});

  absl::StatusOr<dp::NoisedVector> Compute(const model::RoundPurpose& purpose,
                                           const model::ModelVector& model) override;

 private:
  LocalContribution(const ApprovedRun& run, dp::SamplingRate rate, model::Examples training,
                    SecureRng& rng);
  absl::StatusOr<dp::ClippedSum> ClippedSumFor(const model::RoundPurpose& purpose,
                                               const model::ModelVector& model);

  std::vector<std::string> purposes_;  // of the contract's sums
  model::Layout layout_;
  model::Examples training_, holdout_;
  dp::SamplingRate rate_;
  StepShape shape_;
  ScoreHistogramShape histogram_;  // of evaluation
  SecureRng& rng_;
  std::unique_ptr<Trainer> trainer_;
  std::vector<dp::NoiseShare> noise_;  // one a sum
};

}  // namespace veilsum::client
