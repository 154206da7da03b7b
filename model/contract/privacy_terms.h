// A plan and its cohort in the terms of the privacy engine, and the engine's answer in the terms of
// the contract. One mapping, used by the coordinator that writes a contract and by every client
// that checks it: if they disagree about a single public number, the client's recomputation
// refuses.
#pragma once

#include "dp/mechanism/adaptive_clip.h"
#include "dp/mechanism/private_auc.h"
#include "dp/mechanism/private_quantiles.h"
#include "model/contract/cohorts.h"
#include "model/contract/run_contract.h"
#include "model/heads.h"
#include "model/layout.h"
#include "model/plan/aggregation.h"
#include "model/plan/plan.h"

namespace veilsum::model {

inline constexpr std::string_view kTrain = "train";
inline constexpr std::string_view kStatistics = "statistics";
inline constexpr std::string_view kEvaluation = "evaluation";

Layout LayoutOf(const Plan& plan);
dp::AdaptiveClip AdaptiveClipOf(const Plan& plan);  // of merchant mode
// Of a run in merchant mode whose training sum states this noise.
dp::MerchantGrid MerchantGridOf(const Plan& plan, const dp::SumNoise& training);
Heads HeadsOf(const Plan& plan);  // the label's, then the side heads in plan order

// The rate at which a step samples the customers that it may sample: all of them, or of a banded
// plan the group whose step it is.
Rational StepRate(const Plan& plan);
// The rate at which a training round samples the unit of the claim: StepRate, in merchant mode 1.
Rational RoundRate(const Plan& plan);
// Of a plan whose statistics are quantiles.
dp::HistogramGrid StatisticsBins(const Plan& plan);
// Of a plan with an evaluation.
dp::ScoreHistogramGrid EvaluationBins(const Plan& plan);

// Customers that every step of a merchant of this size class computes, whatever was sampled
// (DP-06).
absl::StatusOr<std::uint32_t> PaddedCustomers(const Plan& plan, std::uint64_t size_class);

// `size_classes` of all members of a cohort (SE-15). `largest`: the largest class of the run, so
// that all cohorts state one sensitivity; 0: that of `size_classes`. Errors of PaddedCustomers.
absl::StatusOr<dp::RunPrivacyInput> PrivacyInputOf(const Plan& plan,
                                                   const std::vector<std::uint64_t>& size_classes,
                                                   const ResolvedAggregation& aggregation,
                                                   std::uint64_t largest = 0);
// The largest size class of the run.
std::uint64_t LargestClass(const RunContract& contract);

// The contract's sums in their order: statistics, if the plan has them, then training, then
// evaluation, if the plan has it.
std::vector<SumSpec> SumsOf(const Plan& plan, const dp::RunPrivacy& privacy);

// The noise that a contract's sums state. InvalidArgument unless the sums are those of `plan` in
// shape, order and attempts.
absl::StatusOr<dp::ClaimedNoise> ClaimedNoiseOf(const Plan& plan, const RunContract& contract);

// A contract's privacy, recomputed from plan and contract alone.
struct CheckedPrivacy {
  dp::RunPrivacyInput input;
  dp::ClaimedNoise noise;
  dp::PrivacyStatement statement;
};
// The noise that all members of all cohorts add, such that each cohort alone keeps the plan's
// claim: of every sum the largest share that one of them needs. `contract` has its cohorts, not its
// sums. Errors of dp::CalibrateRun.
absl::StatusOr<dp::RunPrivacy> CalibrateCohorts(const Plan& plan, const RunContract& contract);

// What every party does with a contract before it believes it: cohorts are the plan's (SA-45),
// thresholds are lawful and not below the plan's (SE-04, SA-02), sums are the plan's, and the
// stated noise keeps the plan's claim in every cohort by itself (DP-03). InvalidArgument,
// FailedPrecondition or PermissionDenied naming the field. The answer is that of the cohort with
// the largest epsilon; a customer is in one cohort, and everything else that the coordinator sees
// does not depend on it.
absl::StatusOr<CheckedPrivacy> CheckPrivacy(const Plan& plan, const RunContract& contract);
// The same checks, but the noise of cohorts[cohort] alone, and its own numbers: what a member asks.
absl::StatusOr<CheckedPrivacy> CheckCohortPrivacy(const Plan& plan, const RunContract& contract,
                                                  std::size_t cohort);

// Attempts by purpose, for display and charging.
struct AttemptsByPurpose {
  std::uint64_t statistics = 0, training = 0, evaluation = 0;
  std::uint64_t total() const { return statistics + training + evaluation; }
  AttemptsByPurpose& operator+=(const AttemptsByPurpose& other) {
    statistics += other.statistics;
    training += other.training;
    evaluation += other.evaluation;
    return *this;
  }
};
// Among rounds first..last.
AttemptsByPurpose AttemptsWithin(const RunContract& contract, std::uint64_t first,
                                 std::uint64_t last);
inline AttemptsByPurpose AttemptsThrough(const RunContract& contract, std::uint64_t round) {
  return AttemptsWithin(contract, 1, round);
}

// What a contract that CheckPrivacy has passed says about its training sum.
const SumSpec& TrainingSum(const RunContract& contract);

}  // namespace veilsum::model
