// A15: what samples of the table sampler look like, and that defects are seen. Fixed seeds. Each
// check of a correct sampler fails with probability 1e-7 (5.33 standard deviations), fewer than 60
// checks a program: below 6e-6 false alarms for a fresh choice of seeds.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>

#include "base/bytes.h"
#include "base/crypto/aes256_ctr.h"
#include "dp/sampler/discrete_gaussian.h"
#include "dp/sampler/laplace_skellam.h"
#include "tests/statistical/dp/cks_sampler.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using Samples = std::vector<std::int64_t>;

constexpr std::size_t kSamples = std::size_t{1} << VEILSUM_SAMPLES_LOG2;
constexpr double kAlarm = 5.33;
// The smallest defects that this many samples show for certain: twice the threshold of the check
// that sees them.
constexpr bool kLong = VEILSUM_SAMPLES_LOG2 >= 24;
constexpr double kMutantSigma = kLong ? 0.998 : 0.99;
constexpr int kMutantSignBits = kLong ? 10 : 8;  // probability of a positive sign is 1/2 + 2^-bits

double NormalCdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

double NormalQuantile(double p) {
  double low = -40, high = 40;
  for (int i = 0; i < 100; ++i) (NormalCdf((low + high) / 2) < p ? low : high) = (low + high) / 2;
  return (low + high) / 2;
}

// Chi-square as a standard normal deviate (Wilson and Hilferty 1931).
double ChiSquareDeviate(double chi_square, double freedom) {
  const double variance = 2 / (9 * freedom);
  return (std::cbrt(chi_square / freedom) - (1 - variance)) / std::sqrt(variance);
}

double UniformDeviate(const std::vector<std::uint64_t>& counts, double n) {
  double chi_square = 0;
  const double expected = n / static_cast<double>(counts.size());
  for (const std::uint64_t count : counts)
    chi_square += std::pow(static_cast<double>(count) - expected, 2) / expected;
  return ChiSquareDeviate(chi_square, static_cast<double>(counts.size()) - 1);
}

double ResidueDeviate(const Samples& samples, std::int64_t modulus) {
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(modulus), 0);
  for (const std::int64_t x : samples)
    ++counts[static_cast<std::size_t>((x % modulus + modulus) % modulus)];
  return UniformDeviate(counts, static_cast<double>(samples.size()));
}

// Up to 256 cells of nearly equal probability under N_Z(0, sigma^2), which for sigma >= 64 is the
// normal's at half-integers to 1e-5.
double CellsDeviate(const Samples& samples, double sigma) {
  std::vector<std::int64_t> bounds;  // cell i holds bounds[i-1] < x <= bounds[i]
  for (int i = 1; i < 256; ++i)
    bounds.push_back(static_cast<std::int64_t>(std::floor(sigma * NormalQuantile(i / 256.0))));
  bounds.erase(std::unique(bounds.begin(), bounds.end()),
               bounds.end());  // sigma 64 has single integers that are more than a cell
  const std::size_t cells = bounds.size() + 1;
  std::vector<double> counts(cells, 0);
  for (const std::int64_t x : samples)
    ++counts[static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), x) -
                                      bounds.begin())];
  double chi_square = 0, below = 0;
  for (std::size_t i = 0; i < cells; ++i) {
    const double through =
        i + 1 < cells ? NormalCdf((static_cast<double>(bounds[i]) + 0.5) / sigma) : 1;
    const double expected = (through - below) * static_cast<double>(samples.size());
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
    below = through;
  }
  return ChiSquareDeviate(chi_square, static_cast<double>(cells) - 1);
}

// Names of the checks that a sample fails. `step` is m of the sampler's shape (1: not checked).
std::vector<std::string> FailedChecks(const Samples& samples, double sigma, std::int64_t step) {
  const double n = static_cast<double>(samples.size());
  double mean = 0, square = 0, fourth = 0, lag = 0, positive = 0, nonzero = 0, last = 0;
  for (const std::int64_t sample : samples) {
    const double x = static_cast<double>(sample) / sigma;
    mean += x;
    square += x * x;
    fourth += x * x * x * x;
    lag += x * last;
    last = x;
    positive += sample > 0;
    nonzero += sample != 0;
  }
  std::vector<std::string> failed;
  const auto check = [&](const char* name, double deviation, double standard) {
    if (!(std::abs(deviation) <= kAlarm * standard)) failed.push_back(name);
  };
  check("mean", mean / n, 1 / std::sqrt(n));
  check("variance", square / n - 1, std::sqrt(2 / n));
  check("kurtosis", (fourth / n) / std::pow(square / n, 2) - 3, std::sqrt(24 / n));
  check("lag", lag / n, 1 / std::sqrt(n));
  check("sign", positive / nonzero - 0.5, 0.5 / std::sqrt(nonzero));
  const auto check_deviate = [&](const char* name, double deviate) {
    if (!(deviate <= kAlarm)) failed.push_back(name);
  };
  check_deviate("cells", CellsDeviate(samples, sigma));
  if (step > 1) check_deviate("residue", ResidueDeviate(samples, step));
  if (sigma >= 1024) check_deviate("low bits", ResidueDeviate(samples, 256));
  return failed;
}

Samples Draw(double sigma, std::uint8_t seed, std::size_t n = kSamples) {
  ByteArray<32> bytes{};
  bytes[0] = seed;
  Samples out(n, 0);
  (*DiscreteGaussianSampler::Create(sigma))
      ->AddNoise(Secret<32>(std::span<std::uint8_t, 32>(bytes)), out);
  return out;
}

struct Case {
  double sigma;
  std::uint8_t seed;
};

class VEILSUM_SUITE : public ::testing::TestWithParam<Case> {};
class VEILSUM_DEFECTS : public ::testing::Test {};

TEST_P(VEILSUM_SUITE, LooksLikeTheDiscreteGaussianA15) {
  const auto [sigma, seed] = GetParam();
  ASSERT_OK_AND_ASSIGN(const SamplerShape shape, ChooseSamplerShape(sigma));
  EXPECT_THAT(FailedChecks(Draw(sigma, seed), shape.sigma, shape.step), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Sigmas, VEILSUM_SUITE,
                         ::testing::Values(Case{64, 1}, Case{0x1p10, 2}, Case{0x1p16, 3},
                                           Case{0x1p20, 4}, Case{271828.18, 5}));

// Mutants: a sampler with one of these defects must not pass.
constexpr double kSigma = 300000;

TEST_F(VEILSUM_DEFECTS, KillsAWrongSigma) {
  EXPECT_THAT(FailedChecks(Draw(kSigma * kMutantSigma, 11), kSigma, 1), Contains("variance"));
}

TEST_F(VEILSUM_DEFECTS, KillsASignBias) {
  Samples samples = Draw(kSigma, 12);
  SeededRngForTests rng(12);
  std::vector<std::uint16_t> coins(samples.size());
  rng.Fill({reinterpret_cast<std::uint8_t*>(coins.data()), coins.size() * sizeof(std::uint16_t)});
  // Half of the chosen samples were negative: choosing twice the bias moves the sign's probability
  // by the bias.
  for (std::size_t i = 0; i < samples.size(); ++i)
    if (coins[i] % (1 << (kMutantSignBits - 1)) == 0) samples[i] = std::abs(samples[i]);
  EXPECT_THAT(FailedChecks(samples, kSigma, 1), Contains("sign"));
}

// Draws level by level from the public table, so that a defect can be put in.
Samples DrawByLevels(const SamplerShape& shape, int missing_level, std::size_t words_per_sample,
                     std::uint64_t seed) {
  const GaussianTable table(shape.variance_2_40, shape.table_bits);
  SeededRngForTests rng(seed);
  const auto levels = static_cast<std::size_t>(shape.levels);
  std::vector<std::uint64_t> words(kSamples * words_per_sample + levels);
  rng.Fill({reinterpret_cast<std::uint8_t*>(words.data()), words.size() * sizeof(std::uint64_t)});
  Samples samples(kSamples, 0);
  for (std::size_t i = 0; i < kSamples; ++i) {
    std::int64_t factor = 1;
    for (std::size_t level = 0; level < levels; ++level, factor *= shape.step)
      if (static_cast<int>(level) != missing_level)
        samples[i] += factor * table.Value(words[i * words_per_sample + level], 0);
  }
  return samples;
}

TEST_F(VEILSUM_DEFECTS, KillsAMissingLevelAndReusedWords) {
  ASSERT_OK_AND_ASSIGN(const SamplerShape shape, ChooseSamplerShape(kSigma));
  ASSERT_EQ(shape.levels, 3);
  EXPECT_THAT(FailedChecks(DrawByLevels(shape, -1, 3, 21), shape.sigma, shape.step),
              IsEmpty());  // the harness itself is sound
  EXPECT_THAT(FailedChecks(DrawByLevels(shape, 0, 3, 22), shape.sigma, shape.step),
              Contains("residue"));
  EXPECT_THAT(FailedChecks(DrawByLevels(shape, 2, 3, 23), shape.sigma, shape.step),
              Contains("variance"));
  EXPECT_THAT(FailedChecks(DrawByLevels(shape, -1, 1, 24), shape.sigma, shape.step),
              Contains("lag"));
}

// The sum of H shares is the aggregate that accounting assumes.
TEST_F(VEILSUM_DEFECTS, SharesAddUpToTheAggregate) {
  constexpr int kShares = 7;
  constexpr double kAggregate = 1 << 20;
  Samples sum(kSamples / 4, 0);
  for (std::uint8_t share = 0; share < kShares; ++share) {
    const Samples one =
        Draw(kAggregate / std::sqrt(kShares), static_cast<std::uint8_t>(100 + share), sum.size());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += one[i];
  }
  EXPECT_THAT(FailedChecks(sum, kAggregate, 1), IsEmpty());
}

// Two-sample chi-square of `table` against as many draws of an independent method, in cells of
// `width`.
double TwoSampleDeviate(const Samples& table, const std::function<std::int64_t()>& oracle,
                        double width) {
  std::map<std::int64_t, std::array<double, 2>> counts;
  const auto cell = [&](std::int64_t x) {
    return std::clamp<std::int64_t>(
        static_cast<std::int64_t>(std::floor(static_cast<double>(x) / width)), -28, 28);
  };
  for (const std::int64_t x : table) {
    ++counts[cell(x)][0];
    ++counts[cell(oracle())][1];
  }
  double chi_square = 0;
  for (const auto& [at, count] : counts)
    chi_square += std::pow(count[0] - count[1], 2) / (count[0] + count[1]);
  return ChiSquareDeviate(chi_square, static_cast<double>(counts.size()) - 1);
}

constexpr std::size_t kSlowDraws = 200000;

TEST_F(VEILSUM_DEFECTS, AgreesWithTheExactSlowSampler) {
  for (const std::uint64_t sigma : {20u, 800u}) {  // one level, and two
    SeededRngForTests rng(31 + sigma);
    CksSampler oracle(sigma, rng);
    const double width = static_cast<double>(sigma) / 8;
    EXPECT_LE(TwoSampleDeviate(
                  Draw(static_cast<double>(sigma), 41, kSlowDraws), [&] { return oracle.Sample(); },
                  width),
              kAlarm)
        << sigma;
    EXPECT_GE(TwoSampleDeviate(
                  Draw(0.95 * static_cast<double>(sigma), 41, kSlowDraws),
                  [&] { return oracle.Sample(); }, width),
              kAlarm)
        << "a wrong sigma is seen";
  }
}

Samples DrawFromTable(const TableSampler& sampler, std::uint8_t seed, std::size_t n) {
  ByteArray<32> bytes{};
  bytes[0] = seed;
  Samples out(n, 0);
  sampler.AddNoise(Secret<32>(std::span<std::uint8_t, 32>(bytes)), out);
  return out;
}

TEST_F(VEILSUM_DEFECTS, DiscreteLaplaceAgreesWithTheExactSlowSampler) {
  ASSERT_OK_AND_ASSIGN(const auto sampler, TableSampler::DiscreteLaplace(30, 1));
  SeededRngForTests rng(33);
  CksSampler oracle(1, rng);
  EXPECT_LE(
      TwoSampleDeviate(
          DrawFromTable(*sampler, 42, kSlowDraws), [&] { return oracle.DiscreteLaplace(30); }, 6),
      kAlarm);
  EXPECT_GE(TwoSampleDeviate(
                DrawFromTable(**TableSampler::DiscreteLaplace(28, 1), 42, kSlowDraws),
                [&] { return oracle.DiscreteLaplace(30); }, 6),
            kAlarm)
      << "a wrong scale is seen";
}

// Skellam against its definition, a difference of Poisson counts by waiting times; and its shares
// add up to Skellam again.
TEST_F(VEILSUM_DEFECTS, SkellamAgreesWithPoissonDifferences) {
  SeededRngForTests rng(34);
  const auto poisson = [&](double mean) {
    std::int64_t count = -1;
    for (double product = 1, limit = std::exp(-mean); product > limit; ++count) {
      std::uint32_t word;
      rng.Fill({reinterpret_cast<std::uint8_t*>(&word), sizeof word});
      product *= (word + 0.5) * 0x1p-32;
    }
    return count;
  };
  const auto oracle = [&] { return poisson(8) - poisson(8); };
  const std::size_t n = kSlowDraws / 2;
  EXPECT_LE(TwoSampleDeviate(DrawFromTable(**TableSampler::Skellam(16), 43, n), oracle, 1), kAlarm);
  Samples sum(n, 0);
  for (std::uint8_t share = 0; share < 4; ++share) {
    const Samples one = DrawFromTable(**TableSampler::Skellam(4), 50 + share, n);
    for (std::size_t i = 0; i < n; ++i) sum[i] += one[i];
  }
  EXPECT_LE(TwoSampleDeviate(sum, oracle, 1), kAlarm);
  EXPECT_GE(TwoSampleDeviate(DrawFromTable(**TableSampler::Skellam(15), 43, n), oracle, 1), kAlarm)
      << "a wrong variance is seen";
}

}  // namespace
}  // namespace veilsum::dp
