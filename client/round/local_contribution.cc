#include "client/round/local_contribution.h"

#include <algorithm>
#include <cmath>

#include "base/crypto/hkdf.h"
#include "client/train/make_trainer.h"
#include "client/train/statistics_sum.h"
#include "dp/mechanism/local_mode.h"
#include "dp/sampler/poisson_subset.h"
#include "model/contract/penalty_terms.h"

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

dp::LocalSgd LocalSgdOf(const model::Plan& plan, const model::Layout& layout, double scale) {
  const double rate = plan.training.learning_rate.ToDouble();
  return {.learning_rate = rate,
          .step_size = rate / (scale * static_cast<double>(plan.training.expected_batch)),
          .penalty = model::PenaltyOf(plan, layout)};
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
      local_steps_(run.plan().training.local_steps),
      local_sgd_(LocalSgdOf(run.plan(), layout_, shape_.scale)),
      update_clamp_(run.plan().training.update_clamp.ToDouble()),
      scale_log2_(static_cast<int>(run.plan().aggregation.scale_log2)),
      rng_(rng) {
  for (const model::SumSpec& sum : run.contract().sums) purposes_.push_back(sum.purpose);
  if (run.plan().training.mode == model::Mode::kMerchant)
    merchant_ = model::MerchantGridOf(run.plan(), run.noise().training);
  if (run.plan().statistics.kind == model::StatisticsKind::kQuantiles)
    quantiles_ = model::StatisticsBins(run.plan());
  if (run.plan().evaluation)
    histogram_ = {.bins = run.plan().evaluation->bins,
                  .scale_log2 = static_cast<int>(run.plan().aggregation.scale_log2),
                  .padded_rows = run.size_class() * run.plan().unit.max_rows,
                  .outputs = run.plan().model_outputs(),
                  .groups = run.plan().evaluation->group_count()};
}

absl::StatusOr<std::unique_ptr<Contribution>> LocalContribution::Create(
    const ApprovedRun& run, model::Examples training, SecureRng& rng, model::Examples holdout,
    const Secret<32>* grouping, const Devices& devices) {
  VEILSUM_ASSIGN_OR_RETURN(const dp::SamplingRate rate,
                           dp::SamplingRate::Create(model::StepRate(run.plan())));
  std::unique_ptr<LocalContribution> made(
      new LocalContribution(run, rate, std::move(training), rng));
  VEILSUM_ASSIGN_OR_RETURN(
      made->trainer_,
      MakeTrainer(made->layout_, made->training_, run.plan().unit.max_rows,
                  model::HeadsOf(run.plan()), run.plan().network.dropout.ToDouble(), devices));
  if (run.plan().evaluation) {
    if (holdout.groups.empty() && made->histogram_.groups > 1 && holdout.customers() > 0)
      return InvalidArgument("plan %s has evaluation.groups, the hold-out's customers have none",
                             run.plan().name);
    made->holdout_ = std::move(holdout);
  }
  if (run.plan().training.bands > 1) VEILSUM_RETURN_IF_ERROR(made->SetGroups(run, grouping));
  VEILSUM_RETURN_IF_ERROR(made->trainer_->Prepare(made->shape_));
  for (const std::string& purpose : made->purposes_) {
    VEILSUM_ASSIGN_OR_RETURN(dp::NoiseShare share,
                             ShareOf(NoiseOf(run.noise(), purpose), run.contract().is_private));
    made->noise_.push_back(std::move(share));
  }
  return std::unique_ptr<Contribution>(std::move(made));
}

absl::Status LocalContribution::SetGroups(const ApprovedRun& run, const Secret<32>* grouping) {
  const std::uint32_t bands = run.plan().training.bands;
  if (grouping == nullptr) return InvalidArgument("DP-15: a banded plan needs a secret for groups");
  if (training_.customer_ids.size() != training_.customers())
    return InvalidArgument("DP-15: a banded plan needs every customer's id");
  VEILSUM_ASSIGN_OR_RETURN(dp::BandMatrix matrix, dp::BandMatrix::Create(bands));
  bands_.emplace(std::move(matrix), layout_.parameters(), dp::kBandGuardBits);
  shape_.scale = std::ldexp(shape_.scale, dp::kBandGuardBits);
  const Secret<32> key =
      Hkdf(grouping->Expose(), AsBytes("veilsum/client/bands/v1"), run.contract_hash());
  groups_.resize(bands);
  for (std::uint32_t u = 0; u < training_.customers(); ++u)
    groups_[dp::BandGroup(key, training_.customer_ids[u], bands)].push_back(u);
  return absl::OkStatus();
}

absl::StatusOr<dp::NoisedVector> LocalContribution::Compute(const model::RoundPurpose& purpose,
                                                            const model::ModelVector& model) {
  const dp::NoiseShare& noise = noise_[purpose.sum];
  if (local_steps_ > 0 && !merchant_ && purposes_[purpose.sum] == model::kTrain)
    return LocalUpdate(noise, model);
  VEILSUM_ASSIGN_OR_RETURN(dp::ClippedSum sum, ClippedSumFor(purpose, model));
  return noise.AddTo(std::move(sum), rng_);
}

absl::StatusOr<dp::ClippedSum> LocalContribution::ClippedSumFor(const model::RoundPurpose& purpose,
                                                                const model::ModelVector& model) {
  if (purposes_[purpose.sum] == model::kStatistics)
    return quantiles_ ? StatisticsHistogram(training_, *quantiles_)
                      : StatisticsSum(training_, std::ldexp(1.0, scale_log2_));
  if (purposes_[purpose.sum] == model::kEvaluation)
    return ScoreHistogramSum(layout_, model, holdout_, histogram_);
  if (merchant_) return MerchantUpdate(model);
  VEILSUM_ASSIGN_OR_RETURN(dp::ClippedSum step,
                           trainer_->GradientSum(model, Sample(purpose.attempt), shape_));
  if (!bands_) return step;
  return bands_->Row(purpose.attempt, std::move(step));
}

std::vector<std::uint32_t> LocalContribution::Sample(std::uint64_t attempt) {
  if (groups_.empty())
    return dp::SamplePoissonSubset(static_cast<std::uint32_t>(training_.customers()), rate_,
                                   shape_.padded_customers, rng_);
  const std::vector<std::uint32_t>& group = groups_[attempt % groups_.size()];
  std::vector<std::uint32_t> sampled = dp::SamplePoissonSubset(
      static_cast<std::uint32_t>(group.size()), rate_, shape_.padded_customers, rng_);
  for (std::uint32_t& u : sampled) u = group[u];
  return sampled;
}

// SE-13: every step is private by itself, so is whatever follows from them.
absl::StatusOr<dp::NoisedVector> LocalContribution::LocalUpdate(const dp::NoiseShare& noise,
                                                                const model::ModelVector& model) {
  model::ModelVector moved = model;
  const std::span<float> parameters = std::span(moved).subspan(layout_.buffers());
  dp::LocalRound round(parameters, local_sgd_);
  for (std::uint32_t step = 0; step < local_steps_; ++step) {
    VEILSUM_ASSIGN_OR_RETURN(dp::ClippedSum sum,
                             trainer_->GradientSum(moved, Sample(step), shape_));
    VEILSUM_RETURN_IF_ERROR(round.Step(noise.AddTo(std::move(sum), rng_)));
    std::ranges::copy(round.parameters(), parameters.begin());
  }
  return round.Update(update_clamp_, scale_log2_);
}

// DP-20: whatever happens in here, the update is clipped to the norm that everybody knows.
absl::StatusOr<dp::ClippedSum> LocalContribution::MerchantUpdate(const model::ModelVector& model) {
  model::ModelVector moved = model;
  const std::span<float> parameters = std::span(moved).subspan(layout_.buffers());
  dp::MerchantRound round(parameters, local_sgd_);
  for (std::uint32_t step = 0; step < local_steps_; ++step) {
    VEILSUM_ASSIGN_OR_RETURN(dp::ClippedSum sum,
                             trainer_->GradientSum(moved, Sample(step), shape_));
    VEILSUM_RETURN_IF_ERROR(round.Step(std::move(sum)));
    std::ranges::copy(round.parameters(), parameters.begin());
  }
  return round.Update(model[*layout_.clip_norm()], *merchant_);
}

}  // namespace veilsum::client
