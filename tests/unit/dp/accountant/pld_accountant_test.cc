// The privacy-loss accountant against closed forms, sums over integers, and its own invariants.
// Numbers A2 to A7 are the acceptance tests' (dp/README.md).
#include "dp/accountant/pld_accountant.h"

#include <cmath>
#include <numeric>
#include <random>

#include "dp/accountant/rdp_accountant.h"
#include "dp/analysis/composed_loss.h"
#include "dp/analysis/fft.h"
#include "dp/analysis/integer_loss.h"
#include "dp/analysis/laplace_loss.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

double EpsilonOf(const PrivacySchedule& schedule, double delta,
                 std::optional<double> step = std::nullopt,
                 Neighbouring neighbouring = Neighbouring::kAddRemove) {
  PldAccountant accountant(neighbouring, step);
  for (const PrivacyEvent& event : schedule) EXPECT_OK(accountant.Compose(event));
  const auto loss = accountant.LossAt(*Delta::Create(delta));
  EXPECT_OK(loss);
  return loss.ok() ? loss->epsilon : NAN;
}

double RenyiOf(const PrivacySchedule& schedule, double delta) {
  RdpAccountant accountant;
  for (const PrivacyEvent& event : schedule) EXPECT_OK(accountant.Compose(event));
  return accountant.LossAt(*Delta::Create(delta))->epsilon;
}

// ---- Transform

TEST(Fft, AgreesWithTheDefinitionAndInverts) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (const std::size_t n : {4, 8, 16, 32, 128}) {
    std::vector<double> x(n);
    for (double& value : x) value = uniform(random);
    RealFft fft(n);
    const ComplexVector spectrum = fft.Forward(x);
    ASSERT_EQ(spectrum.re.size(), n / 2 + 1);
    for (std::size_t k = 0; k <= n / 2; ++k) {
      double re = 0, im = 0;
      for (std::size_t j = 0; j < n; ++j) {
        const double angle = -2 * M_PI * static_cast<double>(j * k) / static_cast<double>(n);
        re += x[j] * std::cos(angle);
        im += x[j] * std::sin(angle);
      }
      EXPECT_NEAR(spectrum.re[k], re, 1e-13 * static_cast<double>(n));
      EXPECT_NEAR(spectrum.im[k], im, 1e-13 * static_cast<double>(n));
    }
    const std::vector<double> back = fft.Inverse(spectrum);
    for (std::size_t j = 0; j < n; ++j) EXPECT_NEAR(back[j], x[j], 1e-14);
  }
}

// ---- One release (DP-17)

TEST(PrivacyLoss, A5_MassesAreThoseOfADistribution) {
  for (const double q : {0.001, 0.1, 1.0})
    for (const double z : {0.6, 1.0, 4.0})
      for (const Direction direction : {Direction::kRemove, Direction::kAdd, Direction::kReplace}) {
        const LossDistribution loss = GaussianLoss({q, z, 1}, direction, 1e-3, 1e-20);
        double mass = loss.infinity, other = 0;
        for (std::size_t i = 0; i < loss.mass.size(); ++i) {
          EXPECT_GE(loss.mass[i], 0);
          mass += loss.mass[i];
          other += loss.mass[i] *
                   std::exp(-loss.step * static_cast<double>(loss.lowest + std::int64_t(i)));
        }
        EXPECT_NEAR(mass, 1, 1e-12) << q << " " << z;
        EXPECT_LE(other, 1 + 1e-12) << q << " " << z;
      }
}

// Steps nested in each other, closed form by quadrature: epsilon falls to it and never below.
TEST(PrivacyLoss, A3_FinerGridsAreTighter) {
  const PrivacySchedule schedule = {{0.001, 4, 100}};
  double last = INFINITY;
  for (const auto& [step, known] :
       {std::pair{4e-4, .007195}, std::pair{1e-4, .006062}, std::pair{1.25e-5, .0059815}}) {
    const double epsilon = EpsilonOf(schedule, 1e-5, step);
    EXPECT_LE(epsilon, last + 1e-9);
    EXPECT_NEAR(epsilon, known, 1e-6);
    last = epsilon;
  }
  EXPECT_LE(EpsilonOf(schedule, 1e-5), .0059815 * 1.001);
}

// The closed form of one sampled release is convex: chords between grid points lie above it.
TEST(PrivacyLoss, DP17_OneReleaseIsNeverBelowItsClosedForm) {
  const auto tail = [](double x) { return std::erfc(x / M_SQRT2) / 2; };
  for (const double q : {.01, .1})
    for (const double z : {.5, 1.5, 4.0})
      for (const double delta : {1e-5, 1e-6}) {
        const double epsilon = EpsilonOf({{q, z, 1}}, delta);
        if (epsilon == 0) continue;
        const double x = z * z * std::log((std::exp(epsilon) - 1 + q) / q) + .5;
        const double exact =
            (1 - q) * tail(x / z) + q * tail((x - 1) / z) - std::exp(epsilon) * tail(x / z);
        EXPECT_LE(exact, delta * (1 + 1e-9)) << q << " " << z << " " << delta;
        EXPECT_GE(exact, delta * .99) << q << " " << z << " " << delta;
      }
}

// ---- Composition (DP-18)

// 10,000 Gaussian releases composed numerically, down to deltas that an untilted transform misses.
TEST(PrivacyLoss, A2_TiltedTransformReachesTheClosedForm) {
  for (const auto& [delta, known] :
       {std::pair{1e-5, 4.377178}, std::pair{1e-8, 5.776098}, std::pair{1e-10, 6.547924},
        std::pair{1e-12, 7.238494}, std::pair{1e-14, 7.868736}}) {
    const double epsilon = EpsilonOf({{1, 100, 10000}}, delta);  // the closed form
    EXPECT_NEAR(epsilon, known, 6e-7);
    const std::vector<LossBlock> blocks = {
        {GaussianLoss({1, 100, 1}, Direction::kRemove, 1e-4, 1e-7 * delta / 1e4), 10000}};
    const ComposedLoss composed = ComposedLoss::Compose(blocks, delta, 1 << 22);
    ASSERT_TRUE(composed.fits());
    EXPECT_GE(composed.EpsilonAt(delta), epsilon * (1 - 1e-12));
    EXPECT_LE(composed.EpsilonAt(delta), epsilon * (1 + 2e-5));
  }
}

TEST(PrivacyLoss, A6_OrderAndSplitsDoNotMatter) {
  const PrivacyEvent a = {.01, 1, 500}, b = {.05, 2, 250};
  const double mixed = EpsilonOf({a, b}, 1e-6);
  EXPECT_NEAR(mixed, 2.507538, 2e-5 * 2.5);
  EXPECT_NEAR(EpsilonOf({b, a}, 1e-6), mixed, 1e-9);
  EXPECT_NEAR(EpsilonOf({{.01, 1, 300}, {.01, 1, 700}}, 1e-6), EpsilonOf({{.01, 1, 1000}}, 1e-6),
              1e-7);
  // The same noise in two blocks that do not merge: an ulp apart.
  EXPECT_NEAR(EpsilonOf({{.01, 1, 300}, {.01, std::nextafter(1, 2), 700}}, 1e-6),
              EpsilonOf({{.01, 1, 1000}}, 1e-6), 1e-7);
}

TEST(PrivacyLoss, A4_RetriesOnTheSameCoinsCostMore) {
  EXPECT_NEAR(EpsilonOf({{.01, 1, 900}, {.01, M_SQRT1_2, 100}}, 1e-6), 3.327912, 2e-5 * 3.3);
  EXPECT_NEAR(EpsilonOf({{.01, 1, 1100}}, 1e-6), 2.2193, 1e-4);
}

TEST(PrivacyLoss, A7_BetweenZeroAndRenyiAndMonotone) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform(0, 1);
  const int cases = std::getenv("VEILSUM_FUZZ") != nullptr ? 10000 : 4;
  for (int i = 0; i < cases; ++i) {
    const double q = std::pow(10, -3 + 2.7 * uniform(random)), z = .8 + 3 * uniform(random),
                 delta = std::pow(10, -4 - 5 * uniform(random));
    const auto steps = static_cast<std::uint64_t>(std::pow(10, 3 * uniform(random)));
    const double epsilon = EpsilonOf({{q, z, steps}}, delta);
    SCOPED_TRACE(testing::Message() << q << " " << z << " " << steps << " " << delta);
    EXPECT_GE(epsilon, 0);
    EXPECT_LE(epsilon, RenyiOf({{q, z, steps}}, delta) * (1 + 1e-9) + 1e-9);
    const double near = 1e-3 * epsilon + 1e-9;  // grids differ
    EXPECT_LE(epsilon, EpsilonOf({{q * 1.1, z, steps}}, delta) + near);
    EXPECT_LE(epsilon, EpsilonOf({{q, z / 1.1, steps}}, delta) + near);
    EXPECT_LE(epsilon, EpsilonOf({{q, z, steps * 2}}, delta) + near);
    EXPECT_LE(epsilon, EpsilonOf({{q, z, steps}}, delta / 2) + near);
  }
}

// ---- Integer noise (L5)

double HockeyStick(std::span<const double> logs, std::int64_t shift, double q, double epsilon,
                   bool remove) {
  const auto reach = static_cast<std::int64_t>(logs.size() / 2);
  const auto p = [&](std::int64_t x) {
    return x < -reach || x > reach ? 0 : std::exp(logs[static_cast<std::size_t>(x + reach)]);
  };
  double sum = 0;
  for (std::int64_t x = -reach; x <= reach + shift; ++x) {
    const double base = p(x), mixed = (1 - q) * p(x) + q * p(x - shift);
    sum += std::max(0.0, (remove ? mixed : base) - std::exp(epsilon) * (remove ? base : mixed));
  }
  return sum;
}

TEST(IntegerNoise, OneCoordinateIsExact) {
  for (const NoiseKind kind : {NoiseKind::kDiscreteGaussian, NoiseKind::kSkellam}) {
    const double s = 3, delta = 1e-5;
    const std::vector<double> logs =
        kind == NoiseKind::kSkellam ? LogSkellam(s * s) : LogDiscreteGaussian(s * s);
    EXPECT_NEAR(std::exp(logs[logs.size() / 2]), kind == NoiseKind::kSkellam ? .1349 : .13298,
                1e-3);
    double variance = 0;
    for (std::size_t i = 0; i < logs.size(); ++i)
      variance += std::exp(logs[i]) * std::pow(double(i) - double(logs.size() / 2), 2);
    EXPECT_NEAR(variance, s * s, 1e-9);
    const double epsilon = EpsilonOf({{.1, s, 1, kind, 1, {1, 1, 1}}}, delta);
    const double found =
        std::max(HockeyStick(logs, 1, .1, epsilon, true), HockeyStick(logs, 1, .1, epsilon, false));
    EXPECT_LE(found, delta * (1 + 1e-9));
    EXPECT_GE(found, delta * .99);
  }
}

TEST(IntegerNoise, KlOfTheRoundedGaussianIsBounded) {
  for (const double s : {1.0, 2.0, 4.0}) {
    const double variance = s * s, sigma = std::sqrt(variance - 1.0 / 12);
    for (const bool skellam : {false, true}) {
      if (skellam && s < 2) continue;
      const std::vector<double> logs =
          skellam ? LogSkellam(variance) : LogDiscreteGaussian(variance);
      const auto reach = static_cast<std::int64_t>(logs.size() / 2);
      long double kl = 0;
      for (std::int64_t x = -std::min<std::int64_t>(reach, std::int64_t(9 * s)); x <= 0; ++x) {
        const long double scale = sigma * std::sqrt(2.0L);
        const long double cell =
            (std::erfc(-(x + .5L) / scale) - std::erfc(-(x - .5L) / scale)) / 2;
        const long double p = std::exp(static_cast<long double>(logs[std::size_t(x + reach)]));
        const long double r = cell / p - 1;  // p (r - ln(1 + r)) sums to KL and is not negative
        kl += (x == 0 ? 1 : 2) * p * (r - std::log1p(r));
      }
      const double bound = skellam ? SkellamKl(variance) : DiscreteGaussianKl(variance);
      EXPECT_LE(static_cast<double>(kl), bound) << s << " " << skellam;
      EXPECT_GE(static_cast<double>(kl), bound * (s < 4 || skellam ? .3 : .9))
          << s << " " << skellam;
    }
  }
}

TEST(IntegerNoise, DP18_SlackThatDeltaCannotPayIsRefused) {
  PldAccountant accountant;
  ASSERT_OK(accountant.Compose({.1, 1, 100, NoiseKind::kDiscreteGaussian, 1, {4, 0, 65536}}));
  EXPECT_THAT(accountant.LossAt(*Delta::Create(1e-6)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "DP-18"));
  PldAccountant wide;
  ASSERT_OK(wide.Compose({.1, 1, 100, NoiseKind::kDiscreteGaussian, 1, {4096, 0, 65536}}));
  ASSERT_OK_AND_ASSIGN(const PrivacyLoss loss, wide.LossAt(*Delta::Create(1e-6)));
  EXPECT_GT(loss.delta_slack, 0);
  EXPECT_GE(loss.epsilon, EpsilonOf({{.1, 1, 100}}, 1e-6));
  EXPECT_NEAR(loss.epsilon, EpsilonOf({{.1, 1, 100}}, 1e-6), 1e-3);
}

// ---- Other noise, neighbours and adversaries

TEST(Laplace, IsPureWithoutSamplingAndComposes) {
  // One release: delta(eps) = 1 - e^((eps - 1/b) / 2) (its hockey stick in closed form).
  for (const double b : {.5, 1.0, 4.0}) {
    const double delta = .01, known = std::max(0.0, 1 / b + 2 * std::log1p(-delta));
    const double epsilon = EpsilonOf({{1, b, 1, NoiseKind::kLaplace}}, delta);
    EXPECT_GE(epsilon, known - 1e-9);
    EXPECT_LE(epsilon, known * 1.001 + 1e-5);
    EXPECT_LE(EpsilonOf({{1, b, 1, NoiseKind::kLaplace}}, 1e-12), 1 / b * (1 + 1e-4) + 1e-4);
  }
  const PrivacySchedule many = {{.05, 1, 200, NoiseKind::kLaplace}};
  EXPECT_LE(EpsilonOf(many, 1e-6), RenyiOf(many, 1e-6));
  EXPECT_GE(EpsilonOf(many, 1e-6), .7 * RenyiOf(many, 1e-6));
  EXPECT_GT(EpsilonOf(many, 1e-6, std::nullopt, Neighbouring::kReplaceOne), EpsilonOf(many, 1e-6));
}

TEST(ReplaceOne, IsTwiceTheShiftWithoutSampling) {
  EXPECT_NEAR(EpsilonOf({{1, 2, 3}}, 1e-6, std::nullopt, Neighbouring::kReplaceOne),
              EpsilonOf({{1, 1, 3}}, 1e-6), 1e-6);
  EXPECT_NEAR(EpsilonOf({{.01, 1, 1000}}, 1e-5, std::nullopt, Neighbouring::kReplaceOne),
              2.843445813, 3e-4);
}

TEST(Merchants, DP16_APersonAtSeveral) {
  for (const auto& [m, known] : {std::pair{2u, 4.554096}, std::pair{3u, 7.189972}}) {
    const PrivacySchedule schedule = {{.01, 1, 1000, NoiseKind::kGaussian, m}};
    EXPECT_NEAR(EpsilonOf(schedule, 1e-6), known, 2e-5 * known);
    EXPECT_GE(RenyiOf(schedule, 1e-6), known);
    EXPECT_LE(RenyiOf(schedule, 1e-6), known * 1.25) << "and not the coarse bound";
  }
}

TEST(PldAccountant, RefusesByNameAndBound) {
  PldAccountant accountant;
  EXPECT_THAT(accountant.Compose({1.5, 1, 1}), StatusIs(kInvalid, "sampling_rate is 1.5"));
  EXPECT_THAT(accountant.Compose({NAN, 1, 1}), StatusIs(kInvalid, "sampling_rate is nan"));
  EXPECT_THAT(accountant.Compose({.1, 0, 1}), StatusIs(kInvalid, "noise_multiplier is 0"));
  EXPECT_THAT(accountant.Compose({.1, INFINITY, 1}), StatusIs(kInvalid, "noise_multiplier is inf"));
  EXPECT_THAT(accountant.Compose({.1, 1, 1, NoiseKind::kGaussian, 0}),
              StatusIs(kInvalid, "merchants is 0"));
  EXPECT_THAT(accountant.Compose({.1, 1, 1, NoiseKind::kSkellam}),
              StatusIs(kInvalid, "sensitivity is 0"));
  EXPECT_EQ(accountant.LossAt(*Delta::Create(1e-5))->epsilon, 0) << "nothing was composed";
}

// Thousands of epsilon: no number, and not the reason of integer noise, which there is none of.
TEST(PldAccountant, SaysWhenThereIsNoFiniteEpsilon) {
  PldAccountant accountant;
  ASSERT_OK(accountant.Compose({.5, .1, 100}));
  EXPECT_THAT(accountant.LossAt(*Delta::Create(1e-5)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "larger than a distribution"));
}

}  // namespace
}  // namespace veilsum::dp
