#include "dp/analysis/rdp.h"

#include <cmath>
#include <random>

#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

void ExpectRelative(double actual, double expected, double tolerance) {
  EXPECT_NEAR(actual, expected, tolerance * std::abs(expected));
}

// Values of a 40-digit quadrature (mpmath), given to ten digits.
TEST(Rdp, AgreesWithHighPrecisionQuadrature) {
  ExpectRelative(RdpAtOrder(0.01, 1, 1.1), 9.241471085e-05, 1e-9);
  ExpectRelative(RdpAtOrder(0.01, 1, 1.5), 0.0001272537433, 1e-9);
  ExpectRelative(RdpAtOrder(0.01, 1, 2), 0.0001718134221, 1e-9);
  ExpectRelative(RdpAtOrder(0.01, 1, 32), 11.24627594, 1e-9);
  ExpectRelative(RdpAtOrder(0.1, 0.7, 1.3), 0.02930130059, 1e-9);
  ExpectRelative(RdpAtOrder(0.3, 0.5, 4.5), 7.452037461, 1e-9);
}

// Order 2 has a closed form: ln(1 + q^2 (e^(1/z^2) - 1)).
TEST(Rdp, OrderTwoIsItsClosedForm) {
  for (const double q : {1e-6, 1e-3, 0.1, 0.9})
    for (const double z : {0.3, 1.0, 20.0})
      ExpectRelative(RdpAtOrder(q, z, 2), std::log1p(q * q * std::expm1(1 / (z * z))), 1e-13);
}

TEST(Rdp, WithoutSamplingIsTheGaussians) {
  for (const double order : {1.1, 2.0, 7.3, 512.0})
    ExpectRelative(RdpAtOrder(1, 3, order), order / 18, 1e-14);
}

TEST(Rdp, QuadratureAgreesWithTheBinomialSum) {
  for (const double q : {1e-4, 0.01, 0.3})
    for (const double z : {0.3, 0.7, 1.0, 4.0, 50.0})
      for (const unsigned order : {2u, 3u, 8u, 32u, 64u, 256u})
        ExpectRelative(RdpByQuadrature(q, z, order), RdpByBinomialSum(q, z, order), 1e-10);
}

// Lemma L4's consequence: (a - 1) eps(a) is convex, on (1, 2) too.
TEST(Rdp, LogMomentIsConvexInTheOrder) {
  std::mt19937_64 random(4);
  std::uniform_real_distribution<double> unit;
  for (int i = 0; i < 300; ++i) {
    const double q = std::pow(10, -4 * unit(random)), z = 0.4 + 5 * unit(random),
                 a = 1.05 + 20 * unit(random), h = 0.01 + unit(random) * (a - 1.04) / 2;
    const auto moment = [&](double order) { return (order - 1) * RdpByQuadrature(q, z, order); };
    EXPECT_LE(moment(a), (moment(a - h) + moment(a + h)) / 2 * (1 + 1e-9))
        << q << " " << z << " " << a;
  }
}

TEST(Rdp, GrowsWithRateAndOrderAndFallsWithNoise) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> unit;
  for (int i = 0; i < 200; ++i) {
    const double q = 0.9 * unit(random) + 1e-3, z = 0.3 + 4 * unit(random),
                 order = 1.1 + 30 * unit(random);
    EXPECT_GE(RdpAtOrder(q * 1.01, z, order), RdpAtOrder(q, z, order));
    EXPECT_LE(RdpAtOrder(q, z * 1.01, order), RdpAtOrder(q, z, order));
    EXPECT_LE(RdpAtOrder(q, z, order), order / (2 * z * z) * (1 + 1e-9));
  }
}

TEST(Rdp, SearchOverOrdersFindsTheMinimumOfTheWholeList) {
  std::mt19937_64 random(9);
  std::uniform_real_distribution<double> unit;
  for (int i = 0; i < 30; ++i) {
    const PrivacySchedule schedule = {{std::pow(10, -3 * unit(random)), 0.5 + 3 * unit(random),
                                       static_cast<std::uint64_t>(1 + 2000 * unit(random))}};
    const double delta = std::pow(10, -4 - 6 * unit(random));
    double least = INFINITY;
    for (const double order : DefaultOrders())
      least = std::min(least, EpsilonAtOrder(order, RdpAtOrder(schedule, order), delta));
    EXPECT_EQ(EpsilonOfSchedule(schedule, delta, DefaultOrders(), Refine::kNo).epsilon, least);
    EXPECT_LE(
        EpsilonOfSchedule(schedule, delta, DefaultOrders(), Refine::kBetweenNeighbours).epsilon,
        least);
  }
}

TEST(Rdp, ExtremesStayNumbers) {
  for (const double q : {1e-9, 0.999999})
    for (const double z : {0.05, 1e6})
      for (const double order : {1.1, 10.9, 100.0, 1024.0}) {
        const double rdp = RdpAtOrder(q, z, order);
        EXPECT_GE(rdp, 0) << q << " " << z << " " << order;
        EXPECT_LE(rdp, order / (2 * z * z) * (1 + 1e-9));
      }
}

}  // namespace
}  // namespace veilsum::dp
