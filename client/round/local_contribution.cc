#include "client/round/local_contribution.h"

#include <cmath>

#include "client/train/cpu/cpu_trainer.h"
#include "client/train/statistics_sum.h"
#include "dp/sampler/poisson_subset.h"

namespace veilsum::client {
namespace {

absl::StatusOr<dp::NoiseShare> ShareOf(const dp::SumNoise& noise, bool is_private) {
  if (!is_private) return dp::NoiseShare::CreateWithoutPrivacy();
  return dp::NoiseShare::Create(noise.share_sigma);
}

const dp::SumNoise& NoiseOf(const dp::ClaimedNoise& noise, std::string_view purpose) {
  if (purpose == model::kStatistics) return *noise.statistics;
  return purpose == model::kEvaluation ? *noise.evaluation : noise.training;
}

}  // namespace

LocalContribution::LocalContribution(const ApprovedRun& run, dp::SamplingRate rate,
                                     model::Examples training, SecureRng& rng)
    : layout_(run.layout()),
      training_(std::move(training)),
      rate_(rate),
      shape_{.padded_customers = run.padded_customers(),
             .clip_norm = run.plan().training.clip_norm.ToDouble(),
             .scale = std::ldexp(1.0, static_cast<int>(run.plan().aggregation.scale_log2))},
      rng_(rng) {
  for (const model::SumSpec& sum : run.contract().sums) purposes_.push_back(sum.purpose);
  if (run.plan().evaluation)
    histogram_ = {.bins = run.plan().evaluation->bins,
                  .scale_log2 = static_cast<int>(run.plan().aggregation.scale_log2),
                  .padded_rows = run.size_class() * run.plan().unit.max_rows};
}

absl::StatusOr<std::unique_ptr<Contribution>> LocalContribution::Create(const ApprovedRun& run,
                                                                        model::Examples training,
                                                                        SecureRng& rng,
                                                                        model::Examples holdout) {
  VEILSUM_ASSIGN_OR_RETURN(const dp::SamplingRate rate,
                           dp::SamplingRate::Create(run.plan().training.sampling_rate));
  std::unique_ptr<LocalContribution> made(
      new LocalContribution(run, rate, std::move(training), rng));
  VEILSUM_ASSIGN_OR_RETURN(made->trainer_,
                           MakeCpuTrainer(made->layout_, made->training_, run.plan().unit.max_rows,
                                          model::HeadsOf(run.plan())));
  if (run.plan().evaluation) made->holdout_ = std::move(holdout);
  for (const std::string& purpose : made->purposes_) {
    VEILSUM_ASSIGN_OR_RETURN(dp::NoiseShare share,
                             ShareOf(NoiseOf(run.noise(), purpose), run.contract().is_private));
    made->noise_.push_back(std::move(share));
  }
  return std::unique_ptr<Contribution>(std::move(made));
}

absl::StatusOr<dp::NoisedVector> LocalContribution::Compute(const model::RoundPurpose& purpose,
                                                            const model::ModelVector& model) {
  VEILSUM_ASSIGN_OR_RETURN(dp::ClippedSum sum, ClippedSumFor(purpose, model));
  return noise_[purpose.sum].AddTo(std::move(sum), rng_);
}

absl::StatusOr<dp::ClippedSum> LocalContribution::ClippedSumFor(const model::RoundPurpose& purpose,
                                                                const model::ModelVector& model) {
  if (purposes_[purpose.sum] == model::kStatistics) return StatisticsSum(training_, shape_.scale);
  if (purposes_[purpose.sum] == model::kEvaluation)
    return ScoreHistogramSum(layout_, model, holdout_, histogram_);
  const std::vector<std::uint32_t> sampled = dp::SamplePoissonSubset(
      static_cast<std::uint32_t>(training_.customers()), rate_, shape_.padded_customers, rng_);
  return trainer_->GradientSum(model, sampled, shape_);
}

}  // namespace veilsum::client
