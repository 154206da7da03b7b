#include "cli/demo/score/privacy_facts.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "dp/mechanism/distributed_gaussian.h"
#include "dp/padding.h"

namespace veilsum::cli {
namespace {

absl::StatusOr<double> Real(std::string_view field, const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return InvalidArgument("contract: %s is \"%s\", not a number", field, text);
  return value;
}

const model::SumSpec* SumOf(const model::RunContract& contract, std::string_view purpose) {
  const auto sum = std::ranges::find(contract.sums, purpose, &model::SumSpec::purpose);
  return sum == contract.sums.end() ? nullptr : &*sum;
}

absl::StatusOr<dp::SumNoise> NoiseOf(const model::SumSpec& sum) {
  dp::SumNoise noise{};
  VEILSUM_ASSIGN_OR_RETURN(noise.sensitivity, Real("sensitivity", sum.sensitivity));
  VEILSUM_ASSIGN_OR_RETURN(noise.noise_multiplier, Real("noise_multiplier", sum.noise_multiplier));
  VEILSUM_ASSIGN_OR_RETURN(noise.noise_sigma, Real("noise_sigma", sum.noise_sigma));
  VEILSUM_ASSIGN_OR_RETURN(noise.share_sigma, Real("share_sigma", sum.share_sigma));
  return noise;
}

absl::StatusOr<dp::RunPrivacyInput> InputOf(const model::Plan& plan, const model::Layout& layout,
                                            const model::RunContract& contract, const model::SumSpec& train) {
  if (contract.cohorts.size() != 1) return InvalidArgument("contract: %d cohorts, this version knows one", contract.cohorts.size());
  const model::Cohort& cohort = contract.cohorts.front();
  const std::uint64_t largest = std::ranges::max(cohort.size_classes);
  VEILSUM_ASSIGN_OR_RETURN(const dp::SamplingRate rate, dp::SamplingRate::Create(plan.training.sampling_rate));
  VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t padded, dp::PaddedBatch(largest, rate, train.attempts_max));
  const Rational clip = plan.is_private() || !plan.nonprivate ? plan.training.clip_norm : plan.nonprivate->clip_norm;
  dp::RunPrivacyInput input{
      .epsilon = contract.is_private ? plan.privacy.epsilon.ToDouble() : std::numeric_limits<double>::infinity(),
      .delta = plan.privacy.delta.ToDouble(),
      .statistics_share = plan.privacy.statistics_share.ToDouble(),
      .cohort = {.members = static_cast<std::uint32_t>(cohort.members.size()), .min_survivors = cohort.min_survivors,
                 .colluders = cohort.colluders},
      .training = {.grid = {.dimension = layout.parameters(), .scale_log2 = static_cast<int>(train.scale_log2),
                            .clip_norm = clip.ToDouble(), .users_per_sum = padded, .rows_per_user = plan.unit.max_rows},
                   .sampling_rate = plan.training.sampling_rate, .attempts_max = train.attempts_max,
                   .users_in_round_max = 0, .ring_bits = static_cast<int>(train.bits)},
      .statistics = std::nullopt};
  if (const model::SumSpec* sum = SumOf(contract, "statistics"))
    input.statistics = dp::StatisticsSumSpec{
        .grid = {.features = static_cast<std::uint32_t>(layout.numeric()), .scale_log2 = static_cast<int>(sum->scale_log2),
                 .users = largest},
        .attempts_max = sum->attempts_max, .users_in_round_max = 0, .ring_bits = static_cast<int>(sum->bits)};
  return input;
}

std::optional<double> Finite(double value) {
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

void AddStatement(const dp::PrivacyStatement& s, PrivacyFacts& facts) {
  facts.epsilon = facts.epsilon_coordinator_plus_t = facts.epsilon_rdp = Finite(s.epsilon);
  facts.epsilon_coordinator = Finite(s.epsilon_coordinator);
  facts.epsilon_outsider = Finite(s.epsilon_outsider);
  facts.epsilon_all_others = Finite(s.epsilon_all_others);
  facts.epsilon_person_2 = Finite(s.epsilon_person[0]);
  facts.epsilon_person_3 = Finite(s.epsilon_person[1]);
  facts.epsilon_filter = Finite(s.epsilon_filter);
  facts.delta_slack = Finite(s.delta_slack);
  facts.statistics_epsilon = Finite(s.statistics_epsilon);
}

std::vector<std::string> Unprotected(const model::RunContract& contract) {
  std::vector<std::string> what = {
      "who the merchants are, and the declared size class (a power of two) of each",
      "that a merchant was left out because its data are too few or cannot be used",
      "which merchants were missing in a round"};
  if (!contract.is_private) what.push_back("everything that the models show: no noise was added");
  return what;
}

}  // namespace

absl::StatusOr<PrivacyFacts> PrivacyFactsOf(const model::Plan& plan, const model::Layout& layout,
                                            const model::RunContract& contract, const Charged& charged) {
  const model::SumSpec* train = SumOf(contract, "train");
  if (train == nullptr) return InvalidArgument("contract: no sum has the purpose train");
  VEILSUM_ASSIGN_OR_RETURN(const dp::RunPrivacyInput input, InputOf(plan, layout, contract, *train));
  PrivacyFacts facts;
  facts.is_private = contract.is_private;
  facts.accountant = "rdp";
  facts.colluders = input.cohort.colluders;
  facts.unit = plan.unit.column;
  facts.sampling_rate = plan.training.sampling_rate.ToDouble();
  facts.clip_norm = input.training.grid.clip_norm;
  facts.steps = charged.steps;
  facts.attempts = charged.attempts;
  facts.attempts_max = train->attempts_max;
  facts.unprotected = Unprotected(contract);
  if (!contract.is_private) return facts;
  dp::ClaimedNoise claimed;
  VEILSUM_ASSIGN_OR_RETURN(claimed.training, NoiseOf(*train));
  if (const model::SumSpec* sum = SumOf(contract, "statistics")) {
    VEILSUM_ASSIGN_OR_RETURN(claimed.statistics, NoiseOf(*sum));
  }
  VEILSUM_ASSIGN_OR_RETURN(const dp::PrivacyStatement statement, dp::VerifyRun(input, claimed));
  AddStatement(statement, facts);
  facts.delta = input.delta;
  facts.noise_multiplier = claimed.training.noise_multiplier;
  return facts;
}

}  // namespace veilsum::cli
