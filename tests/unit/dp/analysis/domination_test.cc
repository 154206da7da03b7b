// The two inequalities under the accounting of sampled integer noise, checked on grids by code of
// their own: lemma L5 (A8: the discrete Gaussian against the Gaussian that is accounted) and lemma
// L4 (A9: removal dominates addition).
#include <cmath>
#include <map>
#include <numeric>

#include "dp/accountant/pld_accountant.h"
#include "dp/analysis/integer_loss.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

// ---- A8

struct Atom {
  double p, q;  // probabilities under the two hypotheses
};

// One release of N_Z(0, s^2) on two coordinates, moved by (a, b) with probability `rate`: the
// likelihood ratio depends on the inner product with (a, b) alone, so that its distribution is
// everything. P is the mixture when `remove`, else the base.
std::vector<Atom> ExactPair(double s, int a, int b, double rate, bool remove) {
  const std::vector<double> logs = LogDiscreteGaussian(s * s);
  const auto reach = static_cast<int>(logs.size() / 2);
  std::map<int, double> base;
  for (int x = -reach; x <= reach; ++x)
    for (int y = -reach; y <= reach; ++y)
      base[a * x + b * y] += std::exp(logs[std::size_t(x + reach)] + logs[std::size_t(y + reach)]);
  std::vector<Atom> atoms;
  for (const auto& [t, mass] : base) {
    if (mass < 1e-22) continue;
    const double ratio = std::exp((2.0 * t - a * a - b * b) / (2 * s * s));
    const double mixture = mass * (1 - rate + rate * ratio);
    atoms.push_back(remove ? Atom{mixture, mass} : Atom{mass, mixture});
  }
  return atoms;
}

// sum over the outcomes of `releases` independent releases of max(0, P - e^epsilon Q), each
// multiset of outcomes once.
double HockeyStick(const std::vector<Atom>& atoms, int releases, double epsilon) {
  const double weight = std::exp(epsilon);
  const auto above = [&](double p, double q) { return std::max(0.0, p - weight * q); };
  double sum = 0;
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    const Atom one = atoms[i];
    if (releases == 1) sum += above(one.p, one.q);
    for (std::size_t j = i; releases > 1 && j < atoms.size(); ++j) {
      const Atom two = {one.p * atoms[j].p, one.q * atoms[j].q};
      if (releases == 2) sum += (j == i ? 1 : 2) * above(two.p, two.q);
      if (releases == 2 || two.p < 1e-16) continue;  // what is left out only lowers the left side
      double inner = 0;
      for (std::size_t k = j; k < atoms.size(); ++k) {
        const double orders = i == j && j == k ? 1 : i == j || j == k ? 3 : 6;
        inner += orders * above(two.p * atoms[k].p, two.q * atoms[k].q);
      }
      sum += inner;
    }
  }
  return sum;
}

struct Setting {
  double s, rate;
  int a, b, releases;
  bool remove;
  double shift() const { return std::hypot(a, b); }
};
std::ostream& operator<<(std::ostream& out, const Setting& c) {
  return out << "S=" << c.s << " q=" << c.rate << " shift=(" << c.a << "," << c.b
             << ") T=" << c.releases << (c.remove ? " remove" : " add");
}

// Its delta at `epsilon`, by the accountant, precisely where it is about `near`.
double GaussianDeltaOf(const Setting& c, double noise_multiplier, double epsilon, double near) {
  // A customer added is never seen more clearly than by this: all of delta is 0 beyond.
  if (!c.remove && c.rate < 1 && epsilon >= -c.releases * std::log1p(-c.rate)) return 0;
  PldAccountant accountant(Neighbouring::kAddRemove, 1e-3);
  EXPECT_OK(accountant.Compose({c.rate, noise_multiplier, std::uint64_t(c.releases)}));
  return accountant.DeltaAt(epsilon, c.remove ? Direction::kRemove : Direction::kAdd,
                            *Delta::Create(std::clamp(near, 1e-12, .9)));
}

template <class Check>
void ForEachSetting(const Check& check) {
  for (const double s : {1.0, 2.0, 3.0, 4.0})
    for (const auto& [a, b] : {std::pair{1, 0}, std::pair{3, 0}, std::pair{1, 1}, std::pair{2, 1}})
      for (const double rate : {.001, .05, 1.0})
        for (const int releases : {1, 2, 3})
          for (const bool remove : {true, false}) check(Setting{s, rate, a, b, releases, remove});
}

// What is accounted is not below the truth by more than its slack, nor, where rounding to
// integers hides little, far above it.
TEST(Domination, A8_DiscreteGaussianAgainstTheGaussianThatIsAccounted) {
  int settings = 0;
  double worst = 0;  // of (exact - Gaussian) / ((1 + e^epsilon) tau)
  ForEachSetting([&](const Setting& c) {
    ++settings;
    const double variance = c.s * c.s;
    const std::vector<Atom> atoms = ExactPair(c.s, c.a, c.b, c.rate, c.remove);
    const double z = std::sqrt(variance - 1.0 / 12) / c.shift();
    const double coordinates = c.b == 0 ? 1 : 2;
    const double tau = std::sqrt(coordinates * c.releases * DiscreteGaussianKl(variance) / 2);
    for (const double epsilon : {.01, .5, 2.0}) {
      const double exact = HockeyStick(atoms, c.releases, epsilon),
                   gauss = GaussianDeltaOf(c, z, epsilon, exact);
      const double unit = (1 + std::exp(epsilon)) * tau;
      EXPECT_LE(exact, gauss + .4 * unit) << c << " epsilon=" << epsilon;
      if (c.s >= 4) {
        EXPECT_GE(exact, gauss * .95 - unit - 1e-9) << c << " epsilon=" << epsilon;
      }
      worst = std::max(worst, (exact - gauss) / unit);
    }
  });
  EXPECT_EQ(settings, 288);
  EXPECT_GT(worst, .1) << "the slack is not for nothing";
}

// The noise multiplier that forgets the rounding variance claims too little privacy loss, and the
// test above would see it.
TEST(Domination, A8_SeesAMultiplierWithoutTheRoundingVariance) {
  int seen = 0;
  ForEachSetting([&](const Setting& c) {
    if (c.s > 1 || c.releases > 1) return;
    const std::vector<Atom> atoms = ExactPair(c.s, c.a, c.b, c.rate, c.remove);
    const double tau = std::sqrt((c.b == 0 ? 1 : 2) * DiscreteGaussianKl(1) / 2);
    for (const double epsilon : {.01, .5, 2.0}) {
      const double exact = HockeyStick(atoms, 1, epsilon);
      seen += exact > GaussianDeltaOf(c, c.s / c.shift(), epsilon, exact) +
                          .4 * (1 + std::exp(epsilon)) * tau;
    }
  });
  EXPECT_GT(seen, 0);
}

// ---- A9

// ln sinh x for x > 0.
long double LogSinh(long double x) { return x + std::log(-std::expm1(-2 * x)) - std::log(2.0L); }

// How far sinh(b U) / sinh(b W) >= r sqrt(m(1/r) / m(r)) is from failing, in logarithms, b = order
// - 1/2, m(r) = 1 - q + q r, U = ln m(r), W = -ln m(1/r), r = e^log_ratio > 1.
long double MarginOfL4(long double order, long double rate, long double log_ratio) {
  const long double u = std::log1p(rate * std::expm1(log_ratio)),
                    w = -std::log1p(rate * std::expm1(-log_ratio));
  const long double b = order - 0.5L;
  return LogSinh(b * u) - LogSinh(b * w) - (log_ratio - w / 2 - u / 2);
}

const std::vector<long double> kOrders = {1,  1.0001L, 1.01L, 1.25L, 1.5L,  2,   2.5L,
                                          3,  4.7L,    6,     8,     11.3L, 16,  32,
                                          64, 100,     128,   256,   512,   1024};
const std::vector<long double> kRates = {1e-9L, 1e-6L, 1e-4L,     .001L,    .01L, .03L,
                                         .1L,   .2L,   .35L,      .5L,      .65L, .8L,
                                         .95L,  .999L, 1 - 1e-6L, 1 - 1e-9L};

TEST(Domination, A9_L4OnAGridOfOrdersRatesAndRatios) {
  int points = 0;
  for (const long double order : kOrders)
    for (const long double rate : kRates)
      for (long double log_ratio = 1e-4L; log_ratio < 300; log_ratio *= 1.12L, ++points) {
        const long double margin = MarginOfL4(order, rate, log_ratio);
        ASSERT_GE(margin, -1e-14L)
            << double(order) << " " << double(rate) << " " << double(log_ratio);
        if (order == 1) {  // the proof's induction starts from equality
          ASSERT_NEAR(double(margin), 0, 1e-14) << double(rate) << " " << double(log_ratio);
        }
      }
  EXPECT_GT(points, 40000);
}

// What follows from it: E[h(m(r)) + r h(m(1/r))] >= 0 pointwise, and so E_P[m^a] >= E_P[m^(1-a)]
// for noise that is symmetric, here a discrete Gaussian. For noise that is not, it is false.
TEST(Domination, A9_RemovalDominatesAdditionForSymmetricNoiseOnly) {
  const auto moments = [](const std::vector<double>& masses, int shift, double rate, double order) {
    double removal = 0, addition = 0;
    for (std::size_t x = 0; x < masses.size(); ++x) {
      const auto at = static_cast<std::int64_t>(x) - shift;
      const double moved =
          at < 0 || at >= std::int64_t(masses.size()) ? 0 : masses[std::size_t(at)];
      if (masses[x] < 1e-200) continue;
      const double m = 1 - rate + rate * moved / masses[x];
      removal += masses[x] * std::pow(m, order);
      addition += masses[x] * std::pow(m, 1 - order);
    }
    return std::pair{removal, addition};
  };
  std::vector<double> symmetric;
  for (const double log : LogDiscreteGaussian(9)) symmetric.push_back(std::exp(log));
  for (const int shift : {1, 2, 5})
    for (const double rate : {.001, .1, .7})
      for (const double order : {1.1, 2.0, 3.5, 8.0}) {
        const auto [removal, addition] = moments(symmetric, shift, rate, order);
        EXPECT_GE(removal, addition * (1 - 1e-12)) << shift << " " << rate << " " << order;
      }
  // Falls to the right much more slowly than to the left: a customer added is seen more clearly.
  std::vector<double> skewed;
  for (int x = 0; x < 60; ++x) skewed.push_back(std::exp(x < 5 ? 3.0 * (x - 5) : -.2 * (x - 5)));
  const double total = std::accumulate(skewed.begin(), skewed.end(), 0.0);
  for (double& mass : skewed) mass /= total;
  const auto [removal, addition] = moments(skewed, 1, .9, 8);
  EXPECT_LT(removal, addition);
}

}  // namespace
}  // namespace veilsum::dp
