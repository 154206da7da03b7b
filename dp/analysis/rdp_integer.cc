#include "dp/analysis/rdp_integer.h"

#include <algorithm>
#include <cmath>

namespace veilsum::dp {
namespace {

double LogAddExp(double a, double b) {
  const double top = std::max(a, b);
  return top + std::log1p(std::exp(std::min(a, b) - top));
}

}  // namespace

double SubsampledRdp(double sampling_rate, unsigned order, const RdpOfOrder& unsampled) {
  const double whole = unsampled(order);
  if (sampling_rate == 1) return whole;
  // A - 1 = sum_{k >= 2} C(a, k) (1 - q)^(a - k) q^k (e^((k - 1) eps(k)) - 1), which keeps small
  // divergences.
  const long double q = sampling_rate;
  std::vector<long double> terms;
  long double log_choose = std::log(static_cast<long double>(order));
  for (unsigned k = 2; k <= order; ++k) {
    log_choose += std::log(static_cast<long double>(order - k + 1) / k);
    const long double exponent = (k - 1) * static_cast<long double>(unsampled(k));
    const long double log_excess = exponent > 40 ? exponent + std::log1p(-std::exp(-exponent))
                                                 : std::log(std::expm1(exponent));
    terms.push_back(log_choose + (order - k) * std::log1p(-q) + k * std::log(q) + log_excess);
  }
  const long double top = *std::max_element(terms.begin(), terms.end());
  long double sum = 0;
  for (const long double term : terms) sum += std::exp(term - top);
  const long double log_sum = top + std::log(sum);
  const long double log_a =
      log_sum > 0 ? log_sum + std::log1p(std::exp(-log_sum)) : std::log1p(std::exp(log_sum));
  return std::min(whole, static_cast<double>(log_a / (order - 1)));
}

double SkellamRdp(double order, double mu, double d2, double d1) {
  const double square = d2 * d2;
  return order * square / (2 * mu) +
         std::min(((2 * order - 1) * square + 6 * d1) / (4 * mu * mu), 3 * d1 / (2 * mu));
}

double LargestL1(double d2, double dimension) { return d2 * std::min(std::sqrt(dimension), d2); }

double ShareSumTau(unsigned shares, double share_sigma) {
  double tau = 0;
  for (unsigned k = 1; k < shares; ++k)
    tau += 10 * std::exp(-2 * M_PI * M_PI * share_sigma * share_sigma * k / (k + 1.0));
  return tau;
}

double ShareSumRdp(double order, double variance, double d2, double d1, double dimension,
                   double tau) {
  const double ratio = d2 / std::sqrt(variance);
  const double joined = ratio + std::sqrt(dimension) * tau;
  return std::min(
      {order * ratio * ratio / 2 + tau * dimension,
       order / 2 * (ratio * ratio + 2 * d1 * tau / std::sqrt(variance) + tau * tau * dimension),
       order / 2 * joined * joined});
}

double LaplaceRdp(double order, double scale) {
  const double a = order;
  return LogAddExp(std::log(a / (2 * a - 1)) + (a - 1) / scale,
                   std::log((a - 1) / (2 * a - 1)) - a / scale) /
         (a - 1);
}

}  // namespace veilsum::dp
