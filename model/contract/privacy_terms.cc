#include "model/contract/privacy_terms.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "dp/mechanism/band_matrix.h"
#include "dp/padding.h"

namespace veilsum::model {
namespace {

constexpr int kStatisticsRingBits = 64;
constexpr std::uint64_t kStatisticsAttempts = 1;
constexpr int kEvaluationRingBits = 64;

// The shortest decimal that reads back as the same double, without exponent.
std::string DecimalOf(double value) {
  std::array<char, 400> text;
  const auto [end, error] =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  VEILSUM_CHECK(error == std::errc());
  return std::string(text.data(), end);
}

absl::StatusOr<double> RealOf(std::string_view field, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return InvalidArgument("contract: %s is \"%s\", must be a decimal", field, text);
  return value;
}

// What a plan says about one of its sums.
struct Shape {
  std::uint32_t bits;
  std::uint64_t dimension, attempts_max;
};

Shape ShapeOf(const Plan& plan, std::string_view purpose) {
  if (purpose == kTrain)  // with a merchant's bit in merchant mode
    return {plan.aggregation.ring_bits,
            LayoutOf(plan).parameters() + (plan.training.mode == Mode::kMerchant ? 1 : 0),
            plan.training.attempts_max};
  if (purpose == kStatistics)
    return {kStatisticsRingBits,
            plan.statistics.kind == StatisticsKind::kQuantiles
                ? dp::HistogramDimension(StatisticsBins(plan))
                : 1 + 2 * plan.numeric_inputs(),
            kStatisticsAttempts};
  return {kEvaluationRingBits, dp::ScoreHistogramDimension(EvaluationBins(plan)),
          plan.evaluation->attempts_max};
}

// The plan's purposes in the order of their rounds.
std::vector<std::string_view> PurposesOf(const Plan& plan) {
  std::vector<std::string_view> purposes;
  if (plan.has_statistics()) purposes.push_back(kStatistics);
  purposes.push_back(kTrain);
  if (plan.evaluation) purposes.push_back(kEvaluation);
  return purposes;
}

SumSpec SumOf(const Plan& plan, std::string_view purpose, const dp::SumNoise& noise) {
  const Shape shape = ShapeOf(plan, purpose);
  SumSpec sum;
  sum.purpose = std::string(purpose);
  sum.bits = shape.bits;
  sum.dimension = shape.dimension;
  sum.attempts_max = shape.attempts_max;
  sum.scale_log2 = plan.aggregation.scale_log2;
  sum.sensitivity = DecimalOf(noise.sensitivity);
  sum.noise_sigma = DecimalOf(noise.noise_sigma);
  sum.share_sigma = DecimalOf(noise.share_sigma);
  sum.sampling_rate = purpose == kTrain ? RoundRate(plan).ToString() : "1";
  sum.noise_multiplier = DecimalOf(noise.noise_multiplier);
  return sum;
}

absl::StatusOr<dp::SumNoise> NoiseOf(const Plan& plan, const SumSpec& sum,
                                     std::string_view purpose) {
  dp::SumNoise noise;
  VEILSUM_ASSIGN_OR_RETURN(noise.sensitivity, RealOf("sensitivity", sum.sensitivity));
  VEILSUM_ASSIGN_OR_RETURN(noise.noise_multiplier,
                           RealOf("noise_multiplier", sum.noise_multiplier));
  VEILSUM_ASSIGN_OR_RETURN(noise.noise_sigma, RealOf("noise_sigma", sum.noise_sigma));
  VEILSUM_ASSIGN_OR_RETURN(noise.share_sigma, RealOf("share_sigma", sum.share_sigma));
  if (SumOf(plan, purpose, noise) != sum)
    return InvalidArgument(
        "contract: the %s sum is not the plan's in purpose, bits, dimension, attempts or scale",
        purpose);
  return noise;
}

ResolvedAggregation StatedBy(const Cohort& cohort) {
  const auto n = static_cast<std::uint32_t>(cohort.members.size());
  return {n, cohort.colluders, (n + cohort.colluders) / 2 + 1, cohort.min_survivors};
}

std::uint64_t CustomersOf(const Cohort& cohort) {
  return std::accumulate(cohort.size_classes.begin(), cohort.size_classes.end(), std::uint64_t{0});
}

// One cohort for each (n, C, U_min): those with the same thresholds have the same privacy. Of them
// the one with the most customers, which its ring must hold.
std::vector<std::size_t> DifferentCohorts(const RunContract& contract) {
  std::map<std::array<std::uint64_t, 3>, std::size_t> different;
  for (std::size_t g = 0; g < contract.cohorts.size(); ++g) {
    const Cohort& cohort = contract.cohorts[g];
    const auto [found, fresh] = different.emplace(
        std::array<std::uint64_t, 3>{cohort.members.size(), cohort.colluders, cohort.min_survivors},
        g);
    if (!fresh && CustomersOf(cohort) > CustomersOf(contract.cohorts[found->second]))
      found->second = g;
  }
  std::vector<std::size_t> places;
  for (const auto& [thresholds, g] : different) places.push_back(g);
  return places;
}

// The noise and the thresholds of one cohort, by themselves.
absl::StatusOr<CheckedPrivacy> CheckOne(const Plan& plan, const RunContract& contract,
                                        std::size_t index) {
  if (contract.is_private != plan.is_private())
    return PermissionDenied("contract: private is %d, the plan says %d", contract.is_private,
                            plan.is_private());
  const Cohort& cohort = contract.cohorts[index];
  Aggregation stated = plan.aggregation;
  const std::uint32_t asked =  // SE-04, less the tenants' seats, which ResolveAggregation checks
      stated.colluders != 0 ? stated.colluders
                            : std::max(1u, static_cast<std::uint32_t>(cohort.members.size() / 5));
  if (!plan.cohorts && cohort.colluders < asked)  // of several cohorts: CheckCohorts
    return PermissionDenied("SA-02: contract: colluders is %d, the plan asks for %d",
                            cohort.colluders, asked);
  if (cohort.min_survivors < stated.min_survivors)
    return PermissionDenied("SA-02: contract: min_survivors is %d, the plan asks for %d",
                            cohort.min_survivors, stated.min_survivors);
  stated.colluders = cohort.colluders;
  stated.min_survivors = cohort.min_survivors;
  VEILSUM_ASSIGN_OR_RETURN(
      const ResolvedAggregation aggregation,
      ResolveAggregation(stated, static_cast<std::uint32_t>(cohort.members.size()),
                         SeatsOfLargestTenant(cohort.members)));
  VEILSUM_ASSIGN_OR_RETURN(
      dp::RunPrivacyInput input,
      PrivacyInputOf(plan, cohort.size_classes, aggregation, LargestClass(contract)));
  VEILSUM_ASSIGN_OR_RETURN(const dp::ClaimedNoise noise, ClaimedNoiseOf(plan, contract));
  VEILSUM_ASSIGN_OR_RETURN(const dp::PrivacyStatement statement, dp::VerifyRun(input, noise));
  return CheckedPrivacy{std::move(input), noise, statement};
}

}  // namespace

Layout LayoutOf(const Plan& plan) {
  std::vector<BagShape> bags;
  std::vector<SequenceShape> sequences;
  std::optional<ItemAttributes> items;
  if (!plan.label.attributes.empty()) items.emplace(plan.label.attributes);
  const std::size_t outputs = items ? items->attributes() : plan.model_outputs();
  std::size_t list = 0;
  for (const Feature& feature : plan.features) {
    if (!feature.is_list()) continue;
    if (feature.encoder)
      sequences.push_back({list, feature.last, feature.buckets, feature.width, *feature.encoder,
                           feature.kernel, feature.channels});
    else if (feature.width != 0)
      bags.push_back({list, feature.buckets, feature.width, false});
    if (feature.direct) bags.push_back({list, feature.buckets, outputs, true});
    ++list;
  }
  return Layout::Mlp(plan.numeric_inputs(), plan.one_hot_inputs(), plan.network.hidden,
                     plan.has_statistics(), bags, outputs, plan.training.mode == Mode::kMerchant,
                     plan.network.layer_norm, sequences, std::move(items));
}

dp::AdaptiveClip AdaptiveClipOf(const Plan& plan) {
  const MerchantClip& clip = plan.training.merchant;
  return {.initial = clip.initial.ToDouble(),
          .quantile = clip.quantile.ToDouble(),
          .rate = clip.rate.ToDouble(),
          .expected_merchants = static_cast<double>(clip.expected_merchants),
          .bit_noise = clip.bit_noise.ToDouble()};
}

dp::MerchantGrid MerchantGridOf(const Plan& plan, const dp::SumNoise& training) {
  return dp::MerchantGridOf(LayoutOf(plan).parameters(),
                            static_cast<int>(plan.aggregation.scale_log2), AdaptiveClipOf(plan),
                            training);
}

dp::HistogramGrid StatisticsBins(const Plan& plan) {
  return {static_cast<std::uint32_t>(plan.numeric_inputs()), plan.statistics.bins,
          static_cast<int>(plan.aggregation.scale_log2)};
}

dp::ScoreHistogramGrid EvaluationBins(const Plan& plan) {
  return {plan.evaluation->bins, static_cast<int>(plan.aggregation.scale_log2),
          plan.evaluation->group_count()};
}

Heads HeadsOf(const Plan& plan) {
  const auto head_of = [](const Label& label, double weight) {
    Head head{.outputs = label.outputs(), .weight = weight};
    if (label.kind == LabelKind::kClass) head.loss = Loss::kSoftmax;
    if (label.kind == LabelKind::kValue) head.loss = label.huber ? Loss::kHuber : Loss::kSquared;
    if (label.huber) head.huber = label.huber->ToDouble();
    return head;
  };
  Heads heads = {head_of(plan.label, 1)};
  heads.front().negatives = plan.label.negatives;
  if (plan.label.kind == LabelKind::kSegment) heads.front().loss = Loss::kCentres;
  if (plan.q_learning)
    heads.front() = {.loss = Loss::kTemporal,
                     .outputs = plan.label.outputs(),
                     .huber = plan.q_learning->huber.ToDouble(),
                     .discount = plan.q_learning->discount.ToDouble(),
                     .target_every = plan.q_learning->target_every};
  for (const SideHead& side : plan.heads)
    heads.push_back(head_of(side.label, side.weight.ToDouble()));
  return heads;
}

Rational StepRate(const Plan& plan) {
  const absl::StatusOr<Rational> rate =
      dp::GroupRate(plan.training.sampling_rate, plan.training.bands);
  VEILSUM_CHECK(rate.ok());  // a plan's bands fit its rate
  return *rate;
}

Rational RoundRate(const Plan& plan) {
  return plan.training.mode == Mode::kMerchant ? Exactly(1) : StepRate(plan);
}

absl::StatusOr<std::uint32_t> PaddedCustomers(const Plan& plan, std::uint64_t size_class) {
  VEILSUM_ASSIGN_OR_RETURN(const dp::SamplingRate rate,
                           dp::SamplingRate::Create(plan.training.sampling_rate));
  const std::uint64_t samples =  // of one merchant in a run
      plan.training.attempts_max * std::max(1u, plan.training.local_steps);
  VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t padded, dp::PaddedBatch(size_class, rate, samples));
  if (padded > std::numeric_limits<std::uint32_t>::max())
    return InvalidArgument("a size class of %d pads to %d customers a step, too many", size_class,
                           padded);
  return static_cast<std::uint32_t>(padded);
}

absl::StatusOr<dp::RunPrivacyInput> PrivacyInputOf(const Plan& plan,
                                                   const std::vector<std::uint64_t>& size_classes,
                                                   const ResolvedAggregation& aggregation,
                                                   std::uint64_t largest) {
  if (size_classes.empty())
    return InvalidArgument("no size class: a cohort has at least one member");
  if (largest == 0) largest = *std::ranges::max_element(size_classes);
  const std::uint64_t all =
      std::accumulate(size_classes.begin(), size_classes.end(), std::uint64_t{0});
  VEILSUM_ASSIGN_OR_RETURN(const std::uint32_t padded, PaddedCustomers(plan, largest));
  VEILSUM_ASSIGN_OR_RETURN(const std::uint32_t padded_all, PaddedCustomers(plan, all));
  const int scale_log2 = static_cast<int>(plan.aggregation.scale_log2);
  const Layout layout = LayoutOf(plan);
  dp::RunPrivacyInput input{
      .epsilon = plan.is_private() ? plan.privacy.epsilon.ToDouble()
                                   : std::numeric_limits<double>::infinity(),
      .delta = plan.privacy.delta.ToDouble(),
      .statistics_share = plan.privacy.statistics_share.ToDouble(),
      .cohort = {aggregation.members, aggregation.min_survivors, aggregation.colluders},
      .training = {.grid = {layout.parameters(), scale_log2, plan.training.clip_norm.ToDouble(),
                            padded, plan.unit.max_rows},
                   .sampling_rate = plan.training.sampling_rate,
                   .attempts_max = plan.training.attempts_max,
                   .users_in_round_max = padded_all,
                   .ring_bits = static_cast<int>(plan.aggregation.ring_bits),
                   .bands = plan.training.bands,
                   .local_steps = plan.training.local_steps,
                   .update_clamp = plan.training.update_clamp.ToDouble()},
      .statistics = std::nullopt,
      .accountant = plan.privacy.accountant == AccountantKind::kPld ? dp::AccountantKind::kPld
                                                                    : dp::AccountantKind::kRdp};
  if (plan.has_statistics())
    input.statistics = dp::StatisticsSumSpec{
        .grid = {static_cast<std::uint32_t>(plan.numeric_inputs()), scale_log2, largest},
        .attempts_max = kStatisticsAttempts,
        .users_in_round_max = all,
        .ring_bits = kStatisticsRingBits,
        .quantile_bins = plan.statistics.bins};
  if (plan.training.mode == Mode::kMerchant) {
    // In units of the current clip norm; a merchant's own steps are not released.
    input.training.grid = {layout.parameters(), scale_log2, 1.0, 1, 1};
    input.training.sampling_rate = RoundRate(plan);
    input.training.local_steps = 0;
    input.training.merchant = AdaptiveClipOf(plan);
  }
  if (plan.evaluation)
    input.evaluation = dp::EvaluationSumSpec{
        .grid = EvaluationBins(plan),
        .share = plan.evaluation->share.ToDouble(),
        .attempts_max = plan.evaluation->attempts_max,
        .users_in_round_max = all,  // size classes are of training; the ring has room for millions
        .ring_bits = kEvaluationRingBits};
  return input;
}

std::vector<SumSpec> SumsOf(const Plan& plan, const dp::RunPrivacy& privacy) {
  std::vector<SumSpec> sums;
  if (privacy.statistics) sums.push_back(SumOf(plan, kStatistics, *privacy.statistics));
  sums.push_back(SumOf(plan, kTrain, privacy.training));
  if (privacy.evaluation) sums.push_back(SumOf(plan, kEvaluation, *privacy.evaluation));
  return sums;
}

absl::StatusOr<dp::ClaimedNoise> ClaimedNoiseOf(const Plan& plan, const RunContract& contract) {
  const std::vector<std::string_view> purposes = PurposesOf(plan);
  if (contract.sums.size() != purposes.size())
    return InvalidArgument("contract: %d sums, the plan has %d", contract.sums.size(),
                           purposes.size());
  dp::ClaimedNoise claimed;
  for (std::size_t i = 0; i < purposes.size(); ++i) {
    VEILSUM_ASSIGN_OR_RETURN(const dp::SumNoise noise,
                             NoiseOf(plan, contract.sums[i], purposes[i]));
    if (purposes[i] == kTrain) claimed.training = noise;
    if (purposes[i] == kStatistics) claimed.statistics = noise;
    if (purposes[i] == kEvaluation) claimed.evaluation = noise;
  }
  return claimed;
}

std::uint64_t LargestClass(const RunContract& contract) {
  std::uint64_t largest = 0;
  for (const Cohort& cohort : contract.cohorts)
    for (const std::uint64_t size : cohort.size_classes) largest = std::max(largest, size);
  return largest;
}

absl::StatusOr<dp::RunPrivacy> CalibrateCohorts(const Plan& plan, const RunContract& contract) {
  std::optional<dp::RunPrivacy> all;
  double carriers = std::numeric_limits<double>::infinity();
  for (const std::size_t g : DifferentCohorts(contract)) {
    const ResolvedAggregation aggregation = StatedBy(contract.cohorts[g]);
    VEILSUM_ASSIGN_OR_RETURN(const dp::RunPrivacyInput input,
                             PrivacyInputOf(plan, contract.cohorts[g].size_classes, aggregation,
                                            LargestClass(contract)));
    VEILSUM_ASSIGN_OR_RETURN(const dp::RunPrivacy here, dp::CalibrateRun(input));
    carriers = std::min<double>(carriers, aggregation.honest_floor());
    if (!all) {
      all = here;
      continue;
    }
    if (here.training.noise_sigma > all->training.noise_sigma) all->training = here.training;
    if (here.statistics && here.statistics->noise_sigma > all->statistics->noise_sigma)
      all->statistics = here.statistics;
    if (here.evaluation && here.evaluation->noise_sigma > all->evaluation->noise_sigma)
      all->evaluation = here.evaluation;
  }
  const auto share = [&](dp::SumNoise& sum) {
    sum.share_sigma = sum.noise_sigma / std::sqrt(carriers);
  };
  if (plan.training.mode != Mode::kLocal) share(all->training);  // else all of it is its own
  if (all->statistics) share(*all->statistics);
  if (all->evaluation) share(*all->evaluation);
  return *all;
}

absl::StatusOr<CheckedPrivacy> CheckPrivacy(const Plan& plan, const RunContract& contract) {
  VEILSUM_RETURN_IF_ERROR(CheckCohorts(plan, contract));
  std::optional<CheckedPrivacy> weakest;
  for (const std::size_t g : DifferentCohorts(contract)) {
    VEILSUM_ASSIGN_OR_RETURN(CheckedPrivacy here, CheckOne(plan, contract, g));
    if (!weakest || here.statement.epsilon > weakest->statement.epsilon) weakest = std::move(here);
  }
  return *std::move(weakest);
}

absl::StatusOr<CheckedPrivacy> CheckCohortPrivacy(const Plan& plan, const RunContract& contract,
                                                  std::size_t cohort) {
  VEILSUM_RETURN_IF_ERROR(CheckCohorts(plan, contract));
  return CheckOne(plan, contract, cohort);
}

AttemptsByPurpose AttemptsWithin(const RunContract& contract, std::uint64_t first,
                                 std::uint64_t last) {
  AttemptsByPurpose attempts;
  std::uint64_t before = 0;  // rounds of the sums so far
  for (const SumSpec& sum : contract.sums) {
    const std::uint64_t from = std::max(first, before + 1);
    const std::uint64_t to = std::min(last, before + sum.attempts_max);
    const std::uint64_t here = to >= from ? to - from + 1 : 0;
    (sum.purpose == kTrain        ? attempts.training
     : sum.purpose == kStatistics ? attempts.statistics
                                  : attempts.evaluation) += here;
    before += sum.attempts_max;
  }
  return attempts;
}

const SumSpec& TrainingSum(const RunContract& contract) {
  const auto found = std::ranges::find(contract.sums, kTrain, &SumSpec::purpose);
  VEILSUM_CHECK(found != contract.sums.end());
  return *found;
}

}  // namespace veilsum::model
