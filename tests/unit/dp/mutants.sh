#!/bin/sh
# Takes the rules of differential privacy out one at a time and shows that a named test notices.
#
#   mutants.sh BUILD_DIR NINJA [NAME...]
#
# Needs dp_test built in BUILD_DIR. Exit status: 0 every mutant was found, 1 one was not, or does not apply or compile.
# Mutants that statistics must see (A15) are tests of their own, SamplerDefects; the audit's (A20) are AuditA20.
set -u
build=$1 ninja=$2 model_runs=0
shift 2
wanted=" $* " program=tests/unit/dp/dp_test
here=$(cd "$(dirname "$0")/../../.." && pwd)
. "$here/tests/support/mutants.sh"

rule() {  # of dp/NAME.cc: rule NAME-OF-MUTANT NAME FILTER SED...
  name=$1 file=$2
  shift 2
  mutant "$name" "dp/$file.cc" "dp/CMakeFiles/veilsum_dp.dir/$file.cc.o" "$@"
}

rule DP-01-rounding params 'SamplingRate.ThresholdIsExact' 's/SamplingRate\(rate, threshold - 1\)/SamplingRate(rate, threshold)/'
rule DP-01-range params 'Params.*:SamplingRate.*:CalibrateRun.Refuses*' 's/rate\.numerator\(\) > rate\.denominator\(\)/false/'
rule DP-02-rounding sensitivity 'Sensitivity.*' 's/\+ std::sqrt\(static_cast<double>\(grid\.dimension\)\) \+/+/'
rule DP-02-grid sensitivity 'Sensitivity.Refuses*' 's/scaled_norm < least/false/'
rule DP-03-carriers mechanism/run_facts 'CalibrateRun.*:VerifyRun.*' 's/facts\.carriers = .*/facts.carriers = input.cohort.min_survivors;/'
rule DP-03-shares mechanism/verify_run 'VerifyRun.*' 's/carried < claimed\.noise_sigma \* \(1 - kRounding\)/false/'
rule DP-03-multiplier mechanism/verify_run 'VerifyRun.*' 's/claimed\.noise_multiplier > multiplier \* \(1 \+ kRounding\)/false/'
rule DP-04-limit ledger/budget_filter 'BudgetFilter.AdmitsAtTheLimit*' 's/total\.rdp > limit \* \(1 \+ kRounding\)/false/'
rule DP-04-spent ledger/budget_filter 'BudgetFilter.Spends*' 's/spend\.through < entry\.spent/false/'
rule DP-04-close ledger/budget_filter 'BudgetFilter.Closing*' 's/static_cast<double>\(entry\.spent\)\)/0.0)/'
rule DP-05-coins sampler/poisson_subset 'PoissonSubset.*' 's/coins\.Next\(\) <= rate\.last_word\(\)/customer % 2 == 0/'
rule DP-06-overflow sampler/poisson_subset 'PoissonSubset.Overflow*' 's/customers\[i \+ coins\.Below\(customers\.size\(\) - i\)\]/customers[i]/'
rule DP-06-padding padding 'Padding.*:PaddedBatch*' 's/<= kQuantileTailPerRun \/ attempts/<= 1e-3/' 's/<= kOverflowPerRun \/ attempts/<= 1e-3/'
rule DP-10-ring mechanism/run_facts 'CalibrateRun.Refuses*:MerchantMode.Refuses*' 's/signal \+ tail >= limit/false/'
rule DP-11-levels sampler/discrete_gaussian 'SamplerShape.*' 's/levels > 1 \&\& variance < 9\.0L/false \&\& variance < 9.0L/'
rule DP-11-symmetry sampler/symmetric_table 'GaussianTable.*' 's/missing \/ 2\)/missing)/'
rule DP-11-ties sampler/symmetric_table 'GaussianTable.*' 's/lows_\[cell\] = static_cast<std::uint64_t>\(mass\[cell\]\)/lows_[cell] = 0/'
rule DP-12-fresh mechanism/noise_share 'NoiseShare.*' 's/rng\.NewSecret<32>\(\)/[\&]() -> const Secret<32>\& { static const auto* once = new auto(rng.NewSecret<32>()); return *once; }()/'
rule DP-15-block mechanism/band_matrix 'BandMatrix.*:BandRows.*:BandedRun.*' 's/static_cast<double>\(matrix\.bands\(\)\) \* static_cast<double>\(grid\.dimension\)/0.0/'
rule DP-15-norm mechanism/band_matrix 'BandMatrix.*:BandRows.*:BandedRun.*' 's/return matrix\.Norm\(\) \* std::ldexp/return std::ldexp/'
rule DP-15-twice mechanism/band_rows 'BandRows.*' 's/!steps_\.empty\(\) \&\& t <= steps_\.front\(\)\.t/false/'
rule DP-15-price mechanism/run_loss 'BandedRun.*' 's/prices = \{\{charge, 1\}\};/prices = {};/'
rule DP-16-merchants mechanism/run_loss 'CalibrateRun.*' 's/NoiseKind::kGaussian, merchants\}/NoiseKind::kGaussian, 1}/'
rule DP-18-slack mechanism/run_loss 'CalibrateRun.Refuses*' 's/statement\.delta_slack > kMostSlackShare \* statement\.delta/false/'
rule DP-18-tail analysis/composed_loss 'PrivacyLoss.*:Merchants.*:PldAccountant.*' 's/tail = kTailShare \* delta/tail = 0.01/'
rule DP-20-bit mechanism/verify_run 'MerchantMode.DP20*' 's/sum\.SensitivityAt\(claimed\.noise_sigma\)/sum.sensitivity/'
rule DP-20-customer mechanism/run_loss 'MerchantMode.DP20*' 's/noise\.noise_multiplier \/ sum\.moves_of_customer\(\)/noise.noise_multiplier/'
rule DP-20-clip mechanism/adaptive_clip 'MerchantMode.DP20*' 's/std::min\(1\.0, norm > 0 \? clip \/ \(norm \* kNormSlack\) : 1\.0\)/1.0/'
rule SE-13-steps mechanism/run_loss 'LocalMode.*:LocalRun.*' 's/sum\.sums_per_attempt\(\) \*/1.0 */'
rule tuning-runs analysis/selection 'Selection.*' 's/ \+ constant_ \+ / + /'
rule tuning-count mechanism/repeat_count 'RepeatCount.*' 's/runs = 1;/runs = 2;/'

check_unchanged 'Params.*:SamplingRate.*:Sensitivity.*:BudgetFilter.*:PoissonSubset.*:SamplerShape.*:GaussianTable.*:NoiseShare.*:Band*:MerchantMode.*:RepeatCount.*'
exit $status
