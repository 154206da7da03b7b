#include <algorithm>
#include <cmath>
#include <map>

#include "base/bytes.h"
#include "dp/sampler/discrete_gaussian.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

using Uint128 = unsigned __int128;

Uint128 FromHex(std::string_view hex) {
  Uint128 value = 0;
  for (const char c : hex)
    value = value * 16 + static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
  return value;
}

constexpr std::uint64_t kOne = std::uint64_t{1} << 40;

struct Entry {
  std::uint64_t variance_2_40;
  std::uint32_t radius, k;
  const char* floor;  // of 2^128 p_k
};

// A14: within 1 of 90-digit decimal arithmetic (Python's decimal module; floors).
TEST(GaussianTable, EntriesAreExactA14) {
  const Entry entries[] = {
      {4096 * kOne, 864, 0, "19884533d436508d0fcb3c500bab8e2"},
      {4096 * kOne, 864, 1, "198778f4db97d2a45ba3a42985ada39"},
      {4096 * kOne, 864, 17, "18a5b3a028f5c493edc9f2806e00625"},
      {4096 * kOne, 864, 100, "788590b82e7d33c51237d34a7374b7"},
      {4096 * kOne, 864, 400, "16930a864fa47b65b5610d07"},
      {4096 * kOne, 864, 804, "72"},
      {9000 * kOne + kOne / 4, 1280, 0, "11396eb43666193d9c35fd2d0c00f4e"},
      {9000 * kOne + kOne / 4, 1280, 17, "10f3342b87c32ce213d12fc1c02d7fb"},
      {9000 * kOne + kOne / 4, 1280, 400, "9bb7693ff4aa9884b23818f752c"},
      {9000 * kOne + kOne / 4, 1280, 1220, "1"},
  };
  for (const Entry& entry : entries) {
    EXPECT_EQ(GaussianTable::Radius(entry.variance_2_40), entry.radius);
    const Uint128 actual = GaussianTable::Probabilities(entry.variance_2_40, entry.radius)[entry.k];
    const Uint128 expected = FromHex(entry.floor);
    EXPECT_TRUE(actual == expected || actual == expected + 1) << entry.k;
  }
}

TEST(GaussianTable, MassesSumToOneA14) {
  for (const std::uint64_t variance :
       {64 * kOne, 64 * kOne + 1, 5777 * kOne + 12345, 367000 * kOne + 987654321}) {
    const auto half = GaussianTable::Probabilities(variance, GaussianTable::Radius(variance));
    Uint128 sum = half[0];
    for (std::size_t k = 1; k < half.size(); ++k) sum += 2 * half[k];
    EXPECT_TRUE(sum == 0) << variance;  // 2^128 modulo 2^128
    EXPECT_TRUE(std::is_sorted(half.rbegin(), half.rend()));
  }
}

// Splitting over cells loses nothing: each value's mass, added up over thresholds and fillings, is
// its probability exactly.
TEST(GaussianTable, CellsHoldExactlyTheProbabilities) {
  const std::uint64_t variance = 5500 * kOne + 31337;
  const GaussianTable table(variance, 11);
  const auto half = GaussianTable::Probabilities(variance, GaussianTable::Radius(variance));
  std::map<int, Uint128> mass;
  // The number of 128-bit numbers of a cell that give its own value, found by bisection through
  // Value.
  for (std::uint64_t cell = 0; cell < 2048; ++cell) {
    const Uint128 capacity = Uint128{1} << 117;
    const auto value = [&](Uint128 offset) {
      const Uint128 whole = (static_cast<Uint128>(cell) << 117) + offset;
      return table.Value(static_cast<std::uint64_t>(whole >> 64),
                         static_cast<std::uint64_t>(whole));
    };
    Uint128 low = 0, high = capacity;  // first offset that gives the alias
    const int alias = value(capacity - 1);
    while (low < high) {
      const Uint128 middle = (low + high) / 2;
      if (value(middle) == alias)
        high = middle;
      else
        low = middle + 1;
    }
    if (low > 0) mass[value(0)] += low;
    mass[alias] += capacity - low;
  }
  const int radius = static_cast<int>(half.size()) - 1;
  EXPECT_GE(mass.begin()->first, -radius);
  EXPECT_LE(mass.rbegin()->first, radius);
  for (int value = -radius; value <= radius; ++value)
    EXPECT_TRUE(mass[value] == half[static_cast<std::size_t>(std::abs(value))]) << value;
}

TEST(SamplerShape, MeetsDP11ForAnySigma) {
  for (double sigma = 8; sigma < 0x1p50; sigma *= 1.0137) {
    ASSERT_OK_AND_ASSIGN(const SamplerShape shape, ChooseSamplerShape(sigma));
    const double variance = static_cast<double>(shape.variance_2_40) * 0x1p-40;
    if (shape.levels > 1) {
      ASSERT_GE(variance / (1 + static_cast<double>(shape.step) * shape.step), 9) << sigma;
    }
    ASSERT_LE(2 * GaussianTable::Radius(shape.variance_2_40) + 1, 1u << shape.table_bits) << sigma;
    double factor = 1;
    for (int level = 1; level < shape.levels; ++level)
      factor = 1 + factor * shape.step * shape.step;
    ASSERT_GE(shape.sigma, sigma);
    ASSERT_NEAR(std::sqrt(variance * factor) / sigma, 1, 1e-12) << sigma;
    ASSERT_LE(shape.distance_per_sample, 1e-33);
    if (sigma <= 0x1p24) {
      ASSERT_LE(shape.levels, 3) << sigma;
    }
  }
}

// A14: what adding one level costs, max |ln ratio| to the discrete Gaussian of the same variance,
// by exact convolution.
TEST(Convolution, DistanceOfTwoLevelsIsTheReviewsA14) {
  struct Case {
    int s0, m;
    double log_ratio;
  };
  for (const Case& c : {Case{4, 3, 3.84435e-14}, Case{3, 3, 0}}) {
    const auto weight = [](long double k, long double variance) {
      return std::exp(-k * k / (2 * variance));
    };
    const long double v0 = c.s0 * c.s0, v = v0 * (1 + c.m * c.m);
    const int reach = 14 * c.s0;
    long double norm0 = 0, norm = 0;
    for (int k = -reach; k <= reach; ++k) norm0 += weight(k, v0);
    for (int k = -40 * c.s0 * c.m; k <= 40 * c.s0 * c.m; ++k) norm += weight(k, v);
    long double worst = 0;
    for (int x = -c.m; x <= c.m; ++x) {
      long double sum = 0;
      for (int b = -reach; b <= reach; ++b) sum += weight(x - c.m * b, v0) * weight(b, v0);
      worst = std::max(worst, std::abs(std::log(sum / (norm0 * norm0) / (weight(x, v) / norm))));
    }
    // 2 exp(-2 pi^2 s0^2 / (1 + m^2)), the formula that DP-11 bounds with s0^2 / (1 + m^2) >= 9.
    const double formula = 2 * std::exp(-2 * M_PI * M_PI * c.s0 * c.s0 / (1 + c.m * c.m));
    EXPECT_NEAR(static_cast<double>(worst), formula, 0.01 * formula);
    if (c.log_ratio != 0) {
      EXPECT_NEAR(static_cast<double>(worst), c.log_ratio, 0.01 * c.log_ratio);
    }
  }
}

TEST(Sampler, RefusesSigmasOutsideItsRange) {
  for (const double bad : {7.99, 0.0, -5.0, 0x1p50 * 1.01, std::nan("")})
    EXPECT_THAT(DiscreteGaussianSampler::Create(bad),
                StatusIs(absl::StatusCode::kInvalidArgument, "DP-11"))
        << bad;
}

TEST(Sampler, PrefixesAgreeAndSeedsDiffer) {
  ASSERT_OK_AND_ASSIGN(const auto sampler, DiscreteGaussianSampler::Create(300000));
  const auto draw = [&](std::uint8_t seed, std::size_t n) {
    ByteArray<32> bytes{};
    bytes[0] = seed;
    std::vector<std::int64_t> out(n, 0);
    sampler->AddNoise(Secret<32>(std::span<std::uint8_t, 32>(bytes)), out);
    return out;
  };
  const auto whole = draw(1, 5000), part = draw(1, 1500), other = draw(2, 5000);
  EXPECT_TRUE(std::equal(part.begin(), part.end(),
                         whole.begin()));  // sample i is at a fixed place of the stream
  EXPECT_NE(whole, other);
  for (const std::int64_t x : whole) EXPECT_LE(std::abs(x), sampler->bound());
}

}  // namespace
}  // namespace veilsum::dp
