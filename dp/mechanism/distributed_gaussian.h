// Noise and privacy of a whole run: sums over merchants in which every merchant adds a discrete
// Gaussian share. Theory: rules DP-01 to DP-04, DP-16, DP-18, DP-19 and lemmas L1 to L8, listed
// with their tests in dp/README.md. Plain values in and out: the run contract carries the results
// as decimal strings, and every client recomputes them (VerifyRun).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "dp/accountant/accountant.h"
#include "dp/ledger/attempt_charge.h"
#include "dp/mechanism/private_auc.h"
#include "dp/sensitivity.h"

namespace veilsum::dp {

// Who takes part, and how many of them may conspire or fall silent.
struct CohortSpec {
  std::uint32_t members;        // n
  std::uint32_t min_survivors;  // U_min, enforced by every merchant
  std::uint32_t colluders;      // C = t; U_min - t >= 1 shares carry the noise (H_min)
};

// Of merchant mode, where a merchant sends one clipped update and says whether it was clipped
// (dp/mechanism/adaptive_clip.h).
struct AdaptiveClip {
  double initial = 1;             // C_0
  double quantile = 0.5;          // gamma: this share of merchants should not be clipped
  double rate = 0.2;              // of the geometric update
  double expected_merchants = 0;  // m, a public constant that sums are divided by
  double bit_noise = 0;           // sigma_bit, of the count; 0 is m / 20
};

struct TrainingSumSpec {
  TrainingGrid grid;
  Rational sampling_rate;
  std::uint64_t attempts_max;        // T: every one is charged, published or not (SE-07)
  std::uint64_t users_in_round_max;  // customers in one sum over all merchants, for the ring only;
                                     // 0 = members * users
  int ring_bits = 32;
  // b: rows of a banded matrix factorisation are sent instead of steps (DP-15); 1: DP-SGD. A
  // customer is in one of b groups, and a step samples its group at rate b * sampling_rate.
  std::uint32_t bands = 1;
  // L: steps that every merchant takes by itself within an attempt, each with all of the noise
  // (SE-13); 0: one step of all together. What is sent is the difference of models, every number
  // of it clamped to +-update_clamp on the grid 2^scale_log2.
  std::uint64_t local_steps = 0;
  double update_clamp = 0;
  // Merchant mode (DP-20): the unit of the claim is a merchant, whose update is there or zeros. The
  // grid is then of an update in units of the current clip norm (clip_norm 1, one user, one row),
  // sampling_rate is 1, and the sum has one integer more than the grid.
  std::optional<AdaptiveClip> merchant = std::nullopt;
};

// Of the steps' own sums of a banded run, which are rounded only as rows: their grid is 2^this
// times as fine, so that a row's rounding is all that is added to the sensitivity.
inline constexpr int kBandGuardBits = 8;

struct StatisticsSumSpec {
  StatisticsGrid grid;
  std::uint64_t attempts_max;        // >= 1; each attempt releases the whole query
  std::uint64_t users_in_round_max;  // as above
  int ring_bits = 64;
  // K: a histogram of as many bins for each of the features, from which quantiles are read
  // (dp/mechanism/private_quantiles.h); 0: sums of values and squares.
  std::uint32_t quantile_bins = 0;
};

// Of customers who are in no other sum (SE-11): its claim and the others' compose by maximum.
struct EvaluationSumSpec {
  ScoreHistogramGrid grid;
  double share = 1;  // of epsilon, in (0, 1]: what all attempts together may use
  std::uint64_t attempts_max = 1;
  std::uint64_t users_in_round_max = 0;  // over all merchants, for the ring only; >= 1
  int ring_bits = 64;
};

struct RunPrivacyInput {
  double epsilon;  // the claim; infinity is mode none (SE-12)
  double delta;
  double statistics_share = 0.2;  // in (0, 1): the share of epsilon that statistics alone may use;
                                  // ignored without statistics
  CohortSpec cohort;
  TrainingSumSpec training;
  std::optional<StatisticsSumSpec> statistics;
  // Whose epsilons noise is calibrated to and statements give; the filter is always Renyi (SE-08).
  AccountantKind accountant = AccountantKind::kRdp;
  std::optional<EvaluationSumSpec> evaluation = std::nullopt;
};

// The numbers of one sum in the contract. All zero but sensitivity in mode none. Grid units except
// the multiplier.
struct SumNoise {
  double sensitivity;       // D2
  double noise_multiplier;  // z_eff = sqrt(S*^2 - 1/12) / D2, the one that is accounted
  double noise_sigma;       // S*: aggregate of H_min shares
  double share_sigma;       // S* / sqrt(H_min): what every merchant adds
};

// Privacy of one customer at one merchant (add/remove; in merchant mode of a merchant, its data
// against none), against several adversaries: of statistics
// and training together, or of evaluation where that is more, since a customer is in one of both
// (SE-11). A person at several merchants may be in training at some and held out at others: the
// worst of these. Infinite entries mean: no finite claim.
struct PrivacyStatement {
  double epsilon;              // coordinator and t colluding merchants: the number to publish
  double epsilon_coordinator;  // coordinator alone: U_min shares
  double epsilon_outsider;     // whoever sees the models only; bounded by the same U_min shares
  double epsilon_all_others;   // everybody else conspires: one's own share only
  // A person with data at 2, 3 merchants, against coordinator and t: shift k D2, k ~ Bin(m, q); of
  // a local run the losses of all merchants composed; of a banded run, where the person's groups
  // may differ, one merchant after another.
  std::array<double, 2> epsilon_person;
  double statistics_epsilon;  // of the statistics alone at delta; 0 without statistics
  double delta;
  double delta_slack;             // part of delta that pays for integer noise, sampler and padding
  double order;                   // Renyi order of `epsilon`; 0 where the accountant has none
  double epsilon_filter;          // the smallest block budget that admits this run alone (SE-08)
  std::uint32_t filter_order;     // its a*
  double epsilon_rdp = 0;         // `epsilon` by Renyi accounting: the second number (DP-19)
  double evaluation_epsilon = 0;  // of evaluation alone at delta; 0 without
  double evaluation_filter = 0;   // as epsilon_filter, for the hold-out's block; 0 without
  std::uint32_t evaluation_filter_order = 0;
  // `epsilon` of one customer, which a merchant's policy caps and its blocks pay for: the same but
  // in merchant mode, where a customer may turn an update into another one: twice the sensitivity.
  double epsilon_customer = 0;
};

struct RunPrivacy {
  bool is_private;  // false in mode none
  SumNoise training;
  std::optional<SumNoise> statistics;
  PrivacyStatement statement;
  std::optional<SumNoise> evaluation = std::nullopt;
};

// The least noise that keeps the claim: statistics first, alone at statistics_share * epsilon and
// the same delta; then training such that both together reach epsilon; evaluation alone at its
// share of epsilon. InvalidArgument naming field and bound (also: ring too small, sC < 2^10
// sqrt(d), slack above delta / 100); FailedPrecondition when no noise meets the claim.
absl::StatusOr<RunPrivacy> CalibrateRun(const RunPrivacyInput& input);

// What a contract says about its sums' noise.
struct ClaimedNoise {
  SumNoise training;
  std::optional<SumNoise> statistics = std::nullopt;
  std::optional<SumNoise> evaluation = std::nullopt;
};

// Recomputes everything from the sums' shapes and the claimed sigmas, trusting none of the derived
// numbers. OK with the statement that holds; PermissionDenied naming the first number that does not
// support the claim (epsilon, delta) of `input`. A claim of infinite epsilon is accepted only with
// all-zero noise; whether the client wants it is the client's policy.
absl::StatusOr<PrivacyStatement> VerifyRun(const RunPrivacyInput& input,
                                           const ClaimedNoise& claimed);

// Privacy loss so far, for display while a run goes on. Cheap after construction; never above the
// run's claim.
class EpsilonMeter {
 public:
  // `privacy` from CalibrateRun, or the contract's numbers with VerifyRun's statement.
  static absl::StatusOr<EpsilonMeter> Create(const RunPrivacyInput& input,
                                             const RunPrivacy& privacy);
  double After(std::uint64_t statistics_attempts, std::uint64_t training_attempts,
               std::uint64_t evaluation_attempts = 0) const;

 private:
  EpsilonMeter() = default;
  bool is_private_ = false;
  double delta_ = 0;
  double claim_ = 0;
  std::uint64_t bands_ = 1, local_steps_ = 0;
  std::vector<double> training_rdp_;  // of one release, at each default order
  std::vector<double> statistics_rdp_, evaluation_rdp_;
};

// Per-attempt charge of one sum at integer order a*, for BudgetFilter. Of training: never less than
// any of its attempts costs; what each costs is PricesOfTraining's.
AttemptCharge ChargeOfTrainingAttempt(const RunPrivacyInput& input, const SumNoise& noise,
                                      std::uint32_t order);
// Training's attempts in their order, in parts of one price each; whatever number of them is spent,
// from the first on, their prices add up to at least the loss. In a banded run the first attempt
// pays for a whole block of rows, each later one for a b-th: that is at least ceil(n / b) blocks
// after n of them.
struct PricedAttempts {
  AttemptCharge per_attempt;
  std::uint64_t attempts;
};
std::vector<PricedAttempts> PricesOfTraining(const RunPrivacyInput& input, const SumNoise& noise,
                                             std::uint32_t order);
AttemptCharge ChargeOfStatisticsAttempt(const RunPrivacyInput& input, const SumNoise& noise,
                                        std::uint32_t order);
AttemptCharge ChargeOfEvaluationAttempt(const RunPrivacyInput& input, const SumNoise& noise,
                                        std::uint32_t order);

}  // namespace veilsum::dp
