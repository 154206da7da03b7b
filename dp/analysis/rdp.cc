#include "dp/analysis/rdp.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "dp/analysis/log_choose.h"
#include "dp/analysis/rdp_integer.h"
#include "dp/infinity.h"

namespace veilsum::dp {
namespace {

// ln(1 + e^x) without overflow and without losing small e^x.
long double Softplus(long double x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

// ln(e^x - 1) for x > 0.
long double LogExpm1(long double x) {
  return x > 40 ? x + std::log1p(-std::exp(-x)) : std::log(std::expm1(x));
}

// The likelihood ratio m(x) = 1 - q + q e^((2x - 1) / (2 z^2)) of the mixture to the base, as ln m
// and m - 1.
struct LogRatio {
  double log_m;
  double m_minus_1;  // may be infinite where log_m is large; only used where it is not
};
LogRatio RatioAt(double q, double t) {
  if (t > 30) return {std::log(q) + t + std::log1p((1 - q) / q * std::exp(-t)), kInfinity};
  const double m_minus_1 = q * std::expm1(t);
  return {std::log1p(m_minus_1), m_minus_1};
}

// phi * (m^a - 1 - a (m - 1)), which is not negative and sums to E[m^a] - 1, since E[m] = 1.
// Summing it instead of m^a keeps the relative precision of tiny divergences. ln_phi may be scaled
// by the caller.
double Excess(const LogRatio& ratio, double order, double ln_phi) {
  if (order * ratio.log_m < 30) {
    const double excess = std::expm1(order * ratio.log_m) - order * ratio.m_minus_1;
    return std::exp(ln_phi) * std::max(0.0, excess);
  }
  return std::exp(order * ratio.log_m + ln_phi) - order * std::exp(ratio.log_m + ln_phi) +
         (order - 1) * std::exp(ln_phi);
}

// Above this, fractional orders are interpolated: the quadrature's range grows with the order, and
// the gain of exactness fades.
constexpr double kLastQuadratureOrder = 64;

// (order - 1) * rdp is convex in the order, so that the chord between the neighbouring integers is
// an upper bound.
double RdpByInterpolation(double q, double z, double order) {
  const auto below = static_cast<unsigned>(order);
  const double weight = order - below;
  const double low = (below - 1) * RdpByBinomialSum(q, z, below),
               high = below * RdpByBinomialSum(q, z, below + 1);
  return ((1 - weight) * low + weight * high) / (order - 1);
}

// ln E[M^power] over x ~ N(0, z^2), M = sum_k w_k e^((2 k x - k^2) / 2 z^2), k ~ Bin(m, q).
double LogMomentOfMixture(const PrivacyEvent& event, double power) {
  const double q = event.sampling_rate, z2 = event.noise_multiplier * event.noise_multiplier,
               m = event.merchants;
  std::vector<double> log_weights;
  for (double k = 0; k <= m; ++k)
    log_weights.push_back(LogChoose(m, k) + k * std::log(q) +
                          (k == m ? 0 : (m - k) * std::log1p(-q)));
  const double z = event.noise_multiplier, step = std::min(z / 16, z2 / (2.5 * m));
  const double from = std::min(0.0, power * m) - 13 * z - 1,
               to = std::max(0.0, power * m) + 13 * z + 1;
  double top = -kInfinity, sum = 0;  // log-sum-exp as it goes
  for (double x = from; x <= to; x += step) {
    double largest = -kInfinity, inner = 0;
    for (double k = 0; k <= m; ++k)
      largest = std::max(largest,
                         log_weights[static_cast<std::size_t>(k)] + (2 * k * x - k * k) / (2 * z2));
    for (double k = 0; k <= m; ++k)
      inner += std::exp(log_weights[static_cast<std::size_t>(k)] + (2 * k * x - k * k) / (2 * z2) -
                        largest);
    const double term = power * (largest + std::log(inner)) - x * x / (2 * z2);
    if (term > top) {
      sum *= std::exp(top - term);
      top = term;
    }
    sum += std::exp(term - top);
  }
  return top + std::log(sum) + std::log(step / z) - 0.5 * std::log(2 * M_PI);
}

double RdpOfMixture(const PrivacyEvent& event, double order) {
  if (event.sampling_rate == 1) {
    const double shift = event.merchants / event.noise_multiplier;
    return order * shift * shift / 2;
  }
  const double larger =
      std::max(LogMomentOfMixture(event, order), LogMomentOfMixture(event, 1 - order));
  return std::max(0.0, larger) / (order - 1);
}

bool IsInteger(double order) { return order == std::floor(order); }

// The loss as a function of the order, each order computed once.
class LossByOrder {
 public:
  LossByOrder(const std::function<double(double)>& rdp, double delta) : rdp_(rdp), delta_(delta) {}
  double operator()(double order) {
    const auto known = known_.find(order);
    if (known != known_.end()) return known->second;
    return known_[order] = EpsilonAtOrder(order, rdp_(order), delta_);
  }

 private:
  const std::function<double(double)>& rdp_;
  double delta_;
  std::map<double, double> known_;
};

// Least element's index of a unimodal sequence. Ties (both 0, or both infinite at large orders)
// move towards small orders: the loss is 0 or finite on an interval and infinity lies only beyond
// it.
std::size_t UnimodalArgMin(LossByOrder& loss, std::span<const double> orders) {
  std::size_t low = 0, high = orders.size() - 1;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (loss(orders[middle]) <= loss(orders[middle + 1]))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

EpsilonAndOrder GoldenSection(LossByOrder& loss, double low, double high, EpsilonAndOrder best) {
  const double shrink = (std::sqrt(5.0) - 1) / 2;
  double left = high - shrink * (high - low), right = low + shrink * (high - low);
  const auto keep = [&](double order) {
    if (loss(order) < best.epsilon) best = {loss(order), order};
  };
  for (int i = 0; i < 24; ++i) {
    keep(left);
    keep(right);
    if (loss(left) <= loss(right)) {
      high = right;
      right = left;
      left = high - shrink * (high - low);
    } else {
      low = left;
      left = right;
      right = low + shrink * (high - low);
    }
  }
  return best;
}

}  // namespace

double RdpByBinomialSum(double sampling_rate, double noise_multiplier, unsigned order) {
  const long double q = sampling_rate, z = noise_multiplier;
  if (sampling_rate == 1) return order / (2 * noise_multiplier * noise_multiplier);
  // A - 1 = sum_{k >= 2} C(a, k) (1 - q)^(a - k) q^k (e^(k (k - 1) / 2 z^2) - 1), because the
  // binomial weights sum to 1.
  std::vector<long double> terms;
  terms.reserve(order);
  long double log_choose = std::log(static_cast<long double>(order));  // of C(a, 1)
  for (unsigned k = 2; k <= order; ++k) {
    log_choose += std::log(static_cast<long double>(order - k + 1) / k);
    terms.push_back(log_choose + (order - k) * std::log1p(-q) + k * std::log(q) +
                    LogExpm1(static_cast<long double>(k) * (k - 1) / (2 * z * z)));
  }
  const long double largest = *std::max_element(terms.begin(), terms.end());
  long double sum = 0;
  for (const long double term : terms) sum += std::exp(term - largest);
  return static_cast<double>(Softplus(largest + std::log(sum)) / (order - 1));
}

double RdpByQuadrature(double sampling_rate, double noise_multiplier, double order) {
  const double q = sampling_rate, z = noise_multiplier;
  if (q == 1) return order / (2 * z * z);
  // The integrand is analytic for |Im x| < pi z^2 and decays like a Gaussian of width z, so that
  // the trapezoid rule errs by less than exp(-2 pi^2 z^2 / step + pi^2 z^2 / 2) + exp(-2 pi^2 (z /
  // step)^2) and the cut tails by e^-72, relatively: below 1e-15.
  const double step = std::min(z / 16, z * z / 2.5);
  const double from = -12 * z - 1, to = order + 12 * z + 1;
  const auto points = static_cast<std::int64_t>(std::ceil((to - from) / step));
  const double log_norm = std::log(step / z) - 0.5 * std::log(2 * M_PI);
  // E[m^order] is at most e^peak, the divergence without sampling; what could overflow is scaled
  // away.
  const double peak = order * (order - 1) / (2 * z * z);
  const double scale = peak > 600 ? std::max(0.0, peak + order * std::log(q)) : 0;
  double sum = 0, lost = 0;
  for (std::int64_t i = 0; i <= points; ++i) {
    const double x = from + static_cast<double>(i) * step;
    const LogRatio ratio = RatioAt(q, (2 * x - 1) / (2 * z * z));
    const double term = Excess(ratio, order, log_norm - 0.5 * (x / z) * (x / z) - scale) - lost;
    const double next = sum + term;  // Kahan
    lost = (next - sum) - term;
    sum = next;
  }
  if (!(sum < kInfinity)) return kInfinity;
  return static_cast<double>(Softplus(std::log(sum) + scale) / (order - 1));
}

double RdpAtOrder(double sampling_rate, double noise_multiplier, double order) {
  if (IsInteger(order))
    return RdpByBinomialSum(sampling_rate, noise_multiplier, static_cast<unsigned>(order));
  if (order > kLastQuadratureOrder)
    return RdpByInterpolation(sampling_rate, noise_multiplier, order);
  return RdpByQuadrature(sampling_rate, noise_multiplier, order);
}

double RdpAtOrder(const PrivacyEvent& event, double order) {
  const double q = event.sampling_rate, z = event.noise_multiplier;
  const auto sampled = [&](const RdpOfOrder& unsampled) {
    return SubsampledRdp(q, static_cast<unsigned>(order), unsampled);
  };
  switch (event.noise) {
    case NoiseKind::kGaussian:
      return event.merchants > 1 ? RdpOfMixture(event, order) : RdpAtOrder(q, z, order);
    case NoiseKind::kDiscreteGaussian:
      return RdpAtOrder(q, z, order);
    case NoiseKind::kLaplace:
      if (q == 1) return LaplaceRdp(order, z);
      return sampled([&](unsigned k) { return LaplaceRdp(k, z); });
    case NoiseKind::kSkellam: {
      const double d2 = event.grid.sensitivity, mu = z * z * d2 * d2;
      const double d1 =
          event.grid.sensitivity_l1 > 0
              ? event.grid.sensitivity_l1
              : LargestL1(d2, event.grid.dimension > 0 ? static_cast<double>(event.grid.dimension)
                                                       : kInfinity);
      return sampled([&](unsigned k) { return SkellamRdp(k, mu, d2, d1); });
    }
  }
  return kInfinity;
}

double RdpAtOrder(const PrivacySchedule& schedule, double order) {
  double sum = 0;
  for (const PrivacyEvent& event : schedule)
    if (event.count > 0) sum += static_cast<double>(event.count) * RdpAtOrder(event, order);
  return sum;
}

bool NeedsIntegerOrders(const PrivacySchedule& schedule) {
  return std::any_of(schedule.begin(), schedule.end(), [](const PrivacyEvent& event) {
    return event.noise == NoiseKind::kDiscreteGaussian || event.noise == NoiseKind::kSkellam ||
           (event.noise == NoiseKind::kLaplace && event.sampling_rate < 1);
  });
}

std::span<const double> DefaultOrders() {
  static const std::vector<double> orders = [] {
    std::vector<double> out;
    for (int i = 11; i <= 109; ++i) out.push_back(i / 10.0);
    for (int i = 11; i <= 63; ++i) out.push_back(i);
    out.insert(out.end(), {128, 256, 512, 1024});
    return out;
  }();
  return orders;
}

std::span<const double> IntegerOrders() {
  static const std::vector<double> orders = [] {
    std::vector<double> out(127);
    std::iota(out.begin(), out.end(), 2.0);
    out.insert(out.end(), {160, 192, 256, 320, 384, 512});
    return out;
  }();
  return orders;
}

double EpsilonAtOrder(double order, double rdp, double delta) {
  if (!(rdp < kInfinity)) return kInfinity;
  return std::max(0.0,
                  rdp + std::log1p(-1 / order) - (std::log(order) + std::log(delta)) / (order - 1));
}

EpsilonAndOrder EpsilonOfCurve(const std::function<double(double order)>& rdp, double delta,
                               std::span<const double> orders, Refine refine) {
  LossByOrder loss(rdp, delta);
  const std::size_t best = UnimodalArgMin(loss, orders);
  const EpsilonAndOrder found{loss(orders[best]), orders[best]};
  if (refine == Refine::kNo || !(found.epsilon > 0) || !(found.epsilon < kInfinity)) return found;
  return GoldenSection(loss, orders[best == 0 ? 0 : best - 1],
                       orders[std::min(best + 1, orders.size() - 1)], found);
}

EpsilonAndOrder EpsilonOfSchedule(const PrivacySchedule& schedule, double delta,
                                  std::span<const double> orders, Refine refine) {
  return EpsilonOfCurve([&](double order) { return RdpAtOrder(schedule, order); }, delta, orders,
                        refine);
}

}  // namespace veilsum::dp
