// The real contribution: this merchant's customers, the training engine, and the noise share of the
// contract.
#pragma once

#include <memory>

#include "base/secure_rng.h"
#include "client/data/dataset.h"
#include "client/round/approved_run.h"
#include "client/round/contribution.h"
#include "client/train/device/device_sums.h"
#include "client/train/score_histogram.h"
#include "client/train/trainer.h"
#include "dp/mechanism/adaptive_clip.h"
#include "dp/mechanism/band_rows.h"
#include "dp/mechanism/noise_share.h"
#include "dp/mechanism/private_quantiles.h"
#include "dp/params.h"

namespace veilsum::client {

class LocalContribution final : public Contribution {
 public:
  // `holdout`: customers that are not among `training` (SE-11), for evaluation; ignored when the
  // plan has none. `grouping`: of a banded plan, this merchant's secret for the customers' groups
  // (Odometer::GroupingSecret); not kept. `devices`: what trains, none the CPU engine. `rng` must
  // outlive it; `run` is not kept. Errors of the engine and of the noise share; InvalidArgument: a
  // banded plan without secret or ids.
  static absl::StatusOr<std::unique_ptr<Contribution>> Create(const ApprovedRun& run,
                                                              model::Examples training,
                                                              SecureRng& rng,
                                                              model::Examples holdout = {},
                                                              const Secret<32>* grouping = nullptr,
                                                              const Devices& devices = {});

  absl::StatusOr<dp::NoisedVector> Compute(const model::RoundPurpose& purpose,
                                           const model::ModelVector& model) override;

 private:
  LocalContribution(const ApprovedRun& run, dp::SamplingRate rate, model::Examples training,
                    SecureRng& rng);
  absl::Status SetGroups(const ApprovedRun& run, const Secret<32>* grouping);
  absl::StatusOr<dp::ClippedSum> ClippedSumFor(const model::RoundPurpose& purpose,
                                               const model::ModelVector& model);
  // Customers for step `attempt`, sampled afresh (DP-05).
  std::vector<std::uint32_t> Sample(std::uint64_t attempt);
  // SGD on this merchant's customers, `local_steps_` steps; none of it is released.
  absl::StatusOr<dp::ClippedSum> MerchantUpdate(const model::ModelVector& model);
  absl::StatusOr<dp::NoisedVector> LocalUpdate(const dp::NoiseShare& noise,
                                               const model::ModelVector& model);

  std::vector<std::string> purposes_;  // of the contract's sums
  model::Layout layout_;
  model::Examples training_, holdout_;
  dp::SamplingRate rate_;  // within a group
  // Of a banded plan (DP-15): customers by group, and the last steps' sums.
  std::vector<std::vector<std::uint32_t>> groups_;
  std::optional<dp::BandEncoder> bands_;
  StepShape shape_;
  // Of a local plan (SE-13).
  std::uint32_t local_steps_ = 0;
  dp::LocalSgd local_sgd_;
  double update_clamp_ = 0;
  int scale_log2_ = 0;
  // Of a merchant plan (DP-20), beside the local steps.
  std::optional<dp::MerchantGrid> merchant_;
  std::optional<dp::HistogramGrid> quantiles_;  // of statistics, where a plan asks for them
  ScoreHistogramShape histogram_;               // of evaluation
  SecureRng& rng_;
  std::unique_ptr<Trainer> trainer_;
  std::vector<dp::NoiseShare> noise_;  // one a sum
};

}  // namespace veilsum::client
