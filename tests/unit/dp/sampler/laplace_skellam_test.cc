#include "dp/sampler/laplace_skellam.h"

#include <cmath>

#include "base/bytes.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

using Uint128 = unsigned __int128;

double Of(Uint128 units) { return std::ldexp(static_cast<double>(units), -128); }

// Probabilities sum to one exactly and have the stated variance.
void ExpectVariance(const std::vector<Uint128>& half, double variance) {
  Uint128 total = half[0];
  double second = 0;
  for (std::size_t k = 1; k < half.size(); ++k) {
    total += 2 * half[k];
    second += 2 * Of(half[k]) * static_cast<double>(k) * static_cast<double>(k);
  }
  EXPECT_TRUE(total == 0) << "2^128";
  EXPECT_NEAR(second, variance, 1e-12 * variance);
}

TEST(SkellamTable, MatchesBesselFunctions) {
  // e^-1 I_0(1), e^-1 I_1(1), e^-4 I_3(4) (Abramowitz and Stegun, tables 9.8 and 9.9).
  EXPECT_NEAR(Of(ProbabilitiesOf(SkellamWeights(1))[0]), 0.4657596075936404, 1e-15);
  EXPECT_NEAR(Of(ProbabilitiesOf(SkellamWeights(1))[1]), 0.2079104153497085, 1e-15);
  EXPECT_NEAR(Of(ProbabilitiesOf(SkellamWeights(4))[3]), std::cyl_bessel_i(3, 4.0) * std::exp(-4),
              1e-15);
  for (const std::uint64_t variance : {1ull, 2ull, 37ull, 4096ull, 1ull << 20})
    ExpectVariance(ProbabilitiesOf(SkellamWeights(variance)), static_cast<double>(variance));
}

// I_(k-1) - I_(k+1) = (2 k / mu) I_k holds between exact entries; each is within 1 of its own.
TEST(SkellamTable, EntriesKeepTheRecurrence) {
  constexpr std::uint64_t kVariance = 4096;
  const auto half = ProbabilitiesOf(SkellamWeights(kVariance));
  for (std::size_t k = 1; k + 1 < half.size(); ++k) {
    const Uint128 left = half[k - 1] - half[k + 1];
    const long double right =
        static_cast<long double>(half[k]) * 2 * static_cast<long double>(k) / kVariance;
    const long double room = 3 + 2.0L * static_cast<long double>(k) / kVariance +
                             std::ldexp(static_cast<long double>(half[k]), -60);
    ASSERT_LE(std::abs(static_cast<long double>(left) - right), room) << k;
  }
  EXPECT_LT(Of(half.back()), 0x1p-145);
}

TEST(LaplaceTable, MatchesTheClosedForm) {
  for (const auto& [numerator, denominator] :
       {std::pair<std::uint64_t, std::uint64_t>{1, 8}, {1, 1}, {7, 3}, {64, 1}, {2048, 1}}) {
    const double r = std::exp(-static_cast<double>(denominator) / static_cast<double>(numerator));
    const auto half = ProbabilitiesOf(LaplaceWeights(numerator, denominator));
    for (const std::size_t k : {0u, 1u, 2u, 9u})
      EXPECT_NEAR(Of(half[k]), (1 - r) / (1 + r) * std::pow(r, static_cast<double>(k)), 1e-14);
    ExpectVariance(half, 2 * r / ((1 - r) * (1 - r)));
  }
}

TEST(TableSampler, RefusesWhatItsTablesCannotHold) {
  for (const auto& [numerator, denominator] :
       {std::pair<std::uint64_t, std::uint64_t>{0, 1}, {1, 0}, {1, 9}, {2049, 1}})
    EXPECT_THAT(TableSampler::DiscreteLaplace(numerator, denominator),
                StatusIs(absl::StatusCode::kInvalidArgument, "1/8 to 2048"));
  for (const std::uint64_t variance : {std::uint64_t{0}, (std::uint64_t{1} << 20) + 1})
    EXPECT_THAT(TableSampler::Skellam(variance),
                StatusIs(absl::StatusCode::kInvalidArgument, "1 to 2^20"));
}

TEST(TableSampler, SamplesAreAtFixedPlacesAndWithinTheBound) {
  ASSERT_OK_AND_ASSIGN(const auto sampler, TableSampler::Skellam(1000));
  ByteArray<32> bytes{};
  const Secret<32> seed{std::span<std::uint8_t, 32>(bytes)};
  std::vector<std::int64_t> whole(3000, 0), part(1100, 0);
  sampler->AddNoise(seed, whole);
  sampler->AddNoise(seed, part);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin()));
  for (const std::int64_t x : whole) EXPECT_LE(std::abs(x), sampler->bound());
  EXPECT_LT(sampler->distance_per_sample(), 1e-34);
}

}  // namespace
}  // namespace veilsum::dp
