// Banded matrix factorisation: the factor against dense matrices and known values, the merchants'
// rows and the coordinator's inverse against each other, the block sensitivity against neighbours,
// the choice of b against the accountants.
#include <cmath>
#include <map>
#include <random>

#include "dp/analysis/calibrate.h"
#include "dp/mechanism/band_rows.h"
#include "dp/mechanism/choose_bands.h"
#include "dp/mechanism/noise_share.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

BandMatrix Bands(std::uint64_t b) { return *BandMatrix::Create(b); }

// ---- The factor

TEST(BandMatrix, KnownSensitivities) {  // jax_privacy's formula, from the shared golden file
  EXPECT_NEAR(Bands(1000).SquaredSensitivity(1000, 1000, 1), 3.265003081, 1e-7);
  EXPECT_NEAR(Bands(1000).SquaredSensitivity(1000, 100, 10), 83.79650325, 1e-6);
  EXPECT_NEAR(Bands(16).SquaredSensitivity(1000, 16, 63), 122.2388678, 1e-6);
  EXPECT_NEAR(std::pow(Bands(1000).Norm(), 2), 3.265003081, 1e-7);
}

TEST(BandMatrix, OneBandIsDpSgd) {
  EXPECT_EQ(Bands(1).units(), std::vector<std::int64_t>{std::int64_t{1} << 30});
  EXPECT_EQ(Bands(1).Norm(), 1);
  EXPECT_NEAR(Bands(1).DecodedError(99), std::sqrt(50), 1e-12);  // sums of t rows
  const TrainingGrid grid = {1000, 20, 1.0, 100, 1};
  EXPECT_EQ(*BlockSensitivity(Bands(1), grid, 0), *TrainingSensitivity(grid));
}

using Dense = std::vector<std::vector<double>>;

// Rows of A C^-1 for prefix sums A, by back substitution: X C = A.
Dense Decoder(const BandMatrix& c, std::size_t steps) {
  Dense x(steps, std::vector<double>(steps));
  for (std::size_t t = 0; t < steps; ++t)
    for (std::size_t k = steps; k-- > 0;) {
      double rest = k <= t ? 1 : 0;
      for (std::size_t m = k + 1; m < steps && m - k < c.bands(); ++m)
        rest -= x[t][m] * c.at(m - k);
      x[t][k] = rest;
    }
  return x;
}

TEST(BandMatrix, ErrorIsThatOfTheDenseInverse) {
  for (const std::uint64_t b : {1, 2, 3, 7, 12}) {
    double sum = 0;
    for (const std::vector<double>& row : Decoder(Bands(b), 12))
      for (const double x : row) sum += x * x;
    EXPECT_NEAR(Bands(b).DecodedError(12), std::sqrt(sum / 12), 1e-9) << b;
  }
  // All coefficients: A = C C, so that row t of A C^-1 is row t of C.
  double sum = 0, row = 0;
  for (std::size_t t = 0; t < 200; ++t) sum += row += Bands(200).at(t) * Bands(200).at(t);
  EXPECT_NEAR(Bands(200).DecodedError(200), std::sqrt(sum / 200), 1e-7);
}

// Every pattern of participation with the separation: the regular one is the worst.
TEST(BandMatrix, NoPatternOfParticipationIsWorse) {
  constexpr unsigned kSteps = 12;
  for (const std::uint64_t b : {2, 4})
    for (const std::uint64_t separation : {2, 3, 4}) {
      const BandMatrix c = Bands(b);
      double worst = 0;
      for (unsigned pattern = 1; pattern < 1u << kSteps; ++pattern) {
        std::vector<double> rows(kSteps);
        unsigned taken = 0;
        int last = -100;
        bool lawful = true;
        for (int t = 0; t < int(kSteps); ++t) {
          if (!(pattern >> t & 1)) continue;
          lawful = lawful && t - last >= int(separation) && ++taken <= 3;
          last = t;
          for (std::size_t k = 0; k < b && t + k < kSteps; ++k) rows[t + k] += c.at(k);
        }
        if (!lawful) continue;
        double square = 0;
        for (const double x : rows) square += x * x;
        worst = std::max(worst, square);
      }
      EXPECT_NEAR(c.SquaredSensitivity(kSteps, separation, 3), worst, 1e-12)
          << b << " " << separation;
    }
}

// ---- Rows

std::vector<std::int64_t> RowOf(BandEncoder& encoder, std::uint64_t t,
                                std::vector<std::int64_t> step) {
  auto row = encoder.Row(t, ClippedSum::FromCertifiedContributions(std::move(step)));
  EXPECT_OK(row);
  SeededRngForTests rng(1);
  return NoiseShare::CreateWithoutPrivacy().AddTo(*std::move(row), rng).integers();
}

TEST(BandRows, TheCoordinatorGetsBackTheSteps) {
  for (const std::uint64_t b : {1, 2, 5}) {
    std::mt19937_64 random(b);
    std::uniform_int_distribution<std::int64_t> any(-(1 << 30), 1 << 30);
    constexpr int kGuard = 6;
    BandEncoder encoder(Bands(b), 4, kGuard);
    BandDecoder decoder(Bands(b), 4);
    for (int t = 0; t < 40; ++t) {
      std::vector<std::int64_t> step(4);
      for (std::int64_t& x : step) x = any(random);
      const std::vector<double> back = decoder.Step(t, RowOf(encoder, t, step));
      for (int i = 0; i < 4; ++i)
        EXPECT_NEAR(back[i], std::ldexp(static_cast<double>(step[i]), -kGuard), 4) << b << " " << t;
    }
  }
}

TEST(BandRows, ALostRowsStepComesWithTheNext) {
  BandEncoder encoder(Bands(3), 1, 0);
  BandDecoder decoder(Bands(3), 1);
  (void)decoder.Step(1, RowOf(encoder, 1, {1000}));
  (void)RowOf(encoder, 2, {4000});
  EXPECT_NEAR(decoder.Step(3, RowOf(encoder, 3, {0}))[0], 2000, 2);  // c_1 = 1/2 of the lost step
}

// A merchant that was away for two steps, and one for longer than the bands reach.
TEST(BandRows, AMissedStepIsOnlyNotThere) {
  BandEncoder encoder(Bands(4), 1, 0);
  (void)RowOf(encoder, 5, {1 << 20});
  EXPECT_EQ(RowOf(encoder, 7, {0})[0], 3 << 17);  // c_2 = 3/8
  EXPECT_EQ(RowOf(encoder, 20, {9})[0], 9);
}

TEST(BandRows, DP15_AStepIsNeverMadeTwice) {
  BandEncoder encoder(Bands(2), 1, 0);
  (void)RowOf(encoder, 3, {7});
  for (const std::uint64_t t : {3, 2})
    EXPECT_THAT(encoder.Row(t, ClippedSum::FromCertifiedContributions({7})),
                StatusIs(absl::StatusCode::kFailedPrecondition, "DP-15"));
}

TEST(BandRows, ADecoderContinuesFromWhatItSaved) {
  BandEncoder encoder(Bands(3), 2, 0);
  BandDecoder one(Bands(3), 2), two(Bands(3), 2);
  for (const std::uint64_t t : {1, 2, 4, 5}) {
    const auto row = RowOf(encoder, t, {std::int64_t(t) * 1000, -7777});
    ASSERT_OK(two.Load(one.Save()));
    EXPECT_EQ(one.Step(t, row), two.Step(t, row)) << t;
  }
  Bytes cut = one.Save();
  ASSERT_EQ(cut.size(), 2 * (8 + 2 * sizeof(double)));
  cut.pop_back();
  EXPECT_THAT(two.Load(cut), StatusIs(absl::StatusCode::kInvalidArgument, "saved steps have 47"));
}

TEST(BandRows, RefuseAnotherDimension) {
  BandEncoder encoder(Bands(2), 3, 0);
  EXPECT_THAT(encoder.Row(1, ClippedSum::FromCertifiedContributions({1, 2})),
              StatusIs(absl::StatusCode::kInvalidArgument, "step has 2 numbers, must have 3"));
}

// A customer more, among steps and later rows that are the same or not at all related: what it
// moves over its b rows. The steps' sums are what an engine makes: each rounded.
TEST(BandRows, DP15_ACustomerMovesItsRowsByAtMostTheBlockSensitivity) {
  constexpr std::size_t kDim = 16;
  constexpr int kScale = 12, kGuard = 4;
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> fraction(-.5, .5);
  double reached = 0;
  for (int i = 0; i < 400; ++i) {
    const std::uint64_t b = 1 + i % 6;
    const BandMatrix matrix = Bands(b);
    const double bound = *BlockSensitivity(matrix, {kDim, kScale, 1.0, 1, 1}, kGuard);
    BandEncoder without(matrix, kDim, kGuard), with(matrix, kDim, kGuard);
    double square = 0;
    for (std::uint64_t t = 0; t < 2 * b; ++t) {
      std::vector<std::int64_t> alone(kDim), joined(kDim);
      std::vector<double> g(kDim);
      double norm = 0;
      for (double& x : g) {
        x = normal(random);
        norm += x * x;
      }
      for (std::size_t j = 0; j < kDim; ++j) {
        const double others = 1e5 * normal(random) + (i % 2 ? .4999 : fraction(random));
        const double own =
            t == b ? std::ldexp(g[j] / std::sqrt(norm), kScale + kGuard) : 0;  // in step b only
        alone[j] = std::llrint(others);
        joined[j] = std::llrint(others + own);
      }
      const auto a = RowOf(without, t, alone), c = RowOf(with, t, joined);
      for (std::size_t j = 0; j < kDim; ++j)
        square += std::pow(static_cast<double>(c[j] - a[j]), 2);
    }
    EXPECT_LE(std::sqrt(square), bound) << b;
    reached = std::max(reached, std::sqrt(square) / bound);
  }
  EXPECT_GT(reached, .99);
}

// What the coordinator adds up after C^-1 has the noise that the choice of b promises.
TEST(BandRows, NoiseInTheSumOfStepsIsTheDecodedError) {
  constexpr int kSteps = 24, kDim = 4000;
  SeededRngForTests rng(3);
  const NoiseShare share = *NoiseShare::Create(64);
  const double sigma = share.share_sigma();
  for (const std::uint64_t b : {1, 4}) {
    BandDecoder decoder(Bands(b), kDim);
    std::vector<double> sums(kDim);
    double squares = 0;
    for (int t = 0; t < kSteps; ++t) {
      const auto noise =
          share.AddTo(ClippedSum::FromCertifiedContributions(std::vector<std::int64_t>(kDim)), rng);
      const std::vector<double> step = decoder.Step(t, noise.integers());
      for (int i = 0; i < kDim; ++i) {
        sums[i] += step[i];
        squares += sums[i] * sums[i];
      }
    }
    const double found = std::sqrt(squares / (kSteps * double(kDim))) / sigma;
    const double wanted = Bands(b).DecodedError(kSteps);
    EXPECT_NEAR(found, wanted, wanted * 5.33 / std::sqrt(2.0 * kDim)) << b;  // 1e-7: rows correlate
  }
}

TEST(BandGroup, IsFixedByItsKeyAndEven) {
  SeededRngForTests rng(9);
  const Secret<32> key = rng.NewSecret<32>(), other = rng.NewSecret<32>();
  std::map<std::uint64_t, int> sizes;
  int moved = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string customer = "user" + std::to_string(i);
    const std::uint64_t group = BandGroup(key, customer, 4);
    ASSERT_LT(group, 4u);
    ++sizes[group];
    EXPECT_EQ(group, BandGroup(key, customer, 4));
    moved += group != BandGroup(other, customer, 4);
  }
  for (const auto& [group, size] : sizes)
    EXPECT_NEAR(size, 1000, 5.33 * std::sqrt(4000 * .25 * .75)) << group;
  EXPECT_GT(moved, 2500);
}

// ---- The choice

TEST(RankBands, OneBandIsTheCalibrationOfDpSgdAndNeverBeatsTheChoice) {
  const BandQuery query = {512, *Rational::Parse("1/16"), 4, 1e-6};
  ASSERT_OK_AND_ASSIGN(const auto ranked, RankBands(query));
  ASSERT_EQ(ranked.size(), 5u);  // 1, 2, 4, 8, 16
  for (const BandChoice& choice : ranked) {
    EXPECT_EQ(choice.releases, 512 / choice.bands);
    EXPECT_EQ(choice.sampling_rate, *Rational::Create(choice.bands, 16));
    // What is claimed, by the accountant itself.
    const double epsilon =
        EpsilonOfSchedule(
            {{choice.sampling_rate.ToDouble(), choice.noise_multiplier, choice.releases}}, 1e-6,
            DefaultOrders(), Refine::kBetweenNeighbours)
            .epsilon;
    EXPECT_LE(epsilon, 4);
    EXPECT_GE(epsilon, 4 * .9999);
    EXPECT_NEAR(choice.error,
                choice.noise_multiplier * Bands(choice.bands).Norm() *
                    Bands(choice.bands).DecodedError(512),
                1e-9 * choice.error);
    if (choice.bands == 1) {
      const auto plain =
          LeastNoise(*Epsilon::Create(4), *Delta::Create(1e-6), *SamplingRate::Parse("1/16"), 512);
      EXPECT_EQ(choice.noise_multiplier, plain->noise_multiplier);
    }
    EXPECT_LE(ranked.front().error, choice.error);
  }
}

// Where there is much noise, z grows with q sqrt(T), and bands cost what they bring; where the
// noise is small already, for a few passes over the customers or a large budget, sampling helps
// little.
TEST(RankBands, FewPassesFavourBands) {
  const auto bands = [](std::uint64_t steps, const char* rate, double epsilon) {
    BandQuery query = {steps, *Rational::Parse(rate), epsilon, 1e-6};
    query.most_bands = 4;
    return RankBands(query)->front().bands;
  };
  EXPECT_GT(bands(200, "1/1000", .5), 1u);
  EXPECT_GT(bands(200, "1/10", 50), 1u);
  EXPECT_EQ(bands(200, "1/10", 1), 1u);
  EXPECT_EQ(bands(200, "1", 4), 1u) << "no group is larger than all";
  EXPECT_EQ(bands(211, "1/300", 4), 1u) << "a prime";
}

TEST(RankBands, ByThePrivacyLossAccountantWithLessNoise) {
  BandQuery query = {4, *Rational::Parse("1/2"), 3, 1e-5};
  query.most_bands = 2;
  const auto renyi = *RankBands(query);
  query.accountant = AccountantKind::kPld;
  const auto pld = *RankBands(query);
  ASSERT_EQ(renyi.size(), pld.size());
  for (const BandChoice& a : renyi)
    for (const BandChoice& b : pld)
      if (a.bands == b.bands) {
        EXPECT_LT(b.noise_multiplier, a.noise_multiplier);
        EXPECT_GT(b.noise_multiplier, a.noise_multiplier * .8);
      }
}

TEST(RankBands, RefusesByNameAndBound) {
  const Rational rate = *Rational::Parse("1/10");
  EXPECT_THAT(RankBands({0, rate, 1, 1e-6}), StatusIs(kInvalid, "steps is 0, must be from 1"));
  EXPECT_THAT(RankBands({10, rate, 0, 1e-6}), StatusIs(kInvalid, "epsilon is 0"));
  EXPECT_THAT(RankBands({10, rate, 1, 1}), StatusIs(kInvalid, "delta is 1"));
  EXPECT_THAT(RankBands({10, *Rational::Parse("2"), 1, 1e-6}),
              StatusIs(kInvalid, "sampling_rate is 2"));
  BandQuery many = {10, rate, 1, 1e-6};
  many.most_bands = 5000;
  EXPECT_THAT(RankBands(many), StatusIs(kInvalid, "most_bands is 5000, must be from 1 to 4096"));
  EXPECT_THAT(BandMatrix::Create(0), StatusIs(kInvalid, "bands is 0, must be from 1 to 4096"));
  EXPECT_THAT(BlockSensitivity(Bands(2), {16, 12, 1.0, 1, 1}, 21),
              StatusIs(kInvalid, "guard_bits is 21"));
  EXPECT_THAT(BlockSensitivity(Bands(2), {16, 2, 1.0, 1, 1}, 8), StatusIs(kInvalid, "DP-02"));
}

}  // namespace
}  // namespace veilsum::dp
