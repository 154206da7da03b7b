#include "dp/analysis/integer_loss.h"

#include <algorithm>
#include <cmath>

#include "dp/infinity.h"

namespace veilsum::dp {
namespace {

constexpr double kReach = 13.7;  // standard deviations of a Gaussian with less than 1e-41 beyond

void Normalise(std::vector<double>& logs) {
  const double top = *std::max_element(logs.begin(), logs.end());
  double sum = 0;
  for (const double log : logs) sum += std::exp(log - top);
  for (double& log : logs) log -= top + std::log(sum);
}

}  // namespace

std::vector<double> LogDiscreteGaussian(double variance) {
  const auto reach = static_cast<std::int64_t>(std::ceil(kReach * std::sqrt(variance))) + 1;
  std::vector<double> logs;
  for (std::int64_t x = -reach; x <= reach; ++x)
    logs.push_back(-static_cast<double>(x) * static_cast<double>(x) / (2 * variance));
  Normalise(logs);
  return logs;
}

std::vector<double> LogSkellam(double variance) {
  // Tails are heavier than a Gaussian's where the variance is small.
  const auto reach = static_cast<std::int64_t>(std::ceil(kReach * std::sqrt(variance))) + 60;
  // I_k / I_(k-1) of the modified Bessel functions by backward recurrence, which is stable.
  std::vector<double> ratio(static_cast<std::size_t>(reach + 1));
  double next = 0;
  for (std::int64_t k = reach + 60; k >= 1; --k) {
    next = 1 / (2 * static_cast<double>(k) / variance + next);
    if (k <= reach) ratio[static_cast<std::size_t>(k)] = next;
  }
  std::vector<double> logs(static_cast<std::size_t>(2 * reach + 1));
  double log = 0;
  for (std::int64_t k = 0; k <= reach; ++k) {
    if (k > 0) log += std::log(ratio[static_cast<std::size_t>(k)]);
    logs[static_cast<std::size_t>(reach + k)] = logs[static_cast<std::size_t>(reach - k)] = log;
  }
  Normalise(logs);
  return logs;
}

LossDistribution IntegerNoiseLoss(std::span<const double> log_probabilities, unsigned shift,
                                  double sampling_rate, Direction direction, double step) {
  const auto reach = static_cast<std::int64_t>(log_probabilities.size() / 2);
  const auto log_p = [&](std::int64_t x) {
    return x < -reach || x > reach ? -kInfinity
                                   : log_probabilities[static_cast<std::size_t>(x + reach)];
  };
  const auto v = static_cast<std::int64_t>(shift);
  const double inside = std::log(sampling_rate),
               outside = sampling_rate < 1 ? std::log1p(-sampling_rate) : -kInfinity;
  const auto mixture = [&](std::int64_t x, std::int64_t centre) {
    const double a = outside + log_p(x), b = inside + log_p(x - centre);
    const double top = std::max(a, b);
    return top == -kInfinity ? top : top + std::log(std::exp(a - top) + std::exp(b - top));
  };
  const auto log_upper = [&](std::int64_t x) {
    return direction == Direction::kAdd ? log_p(x) : mixture(x, v);
  };
  const auto log_lower = [&](std::int64_t x) {
    switch (direction) {
      case Direction::kRemove:
        return log_p(x);
      case Direction::kAdd:
        return mixture(x, v);
      case Direction::kReplace:
        return mixture(x, -v);
    }
    return -kInfinity;
  };
  // Beyond a mass of e^-92 = 1e-40 losses may grow without end and do not matter.
  double least = kInfinity, most = -kInfinity;
  const auto relevant = [&](std::int64_t x) {
    return log_upper(x) > -92 && log_lower(x) > -kInfinity;
  };
  for (std::int64_t x = -reach - v; x <= reach + v; ++x)
    if (relevant(x)) {
      least = std::min(least, log_upper(x) - log_lower(x));
      most = std::max(most, log_upper(x) - log_lower(x));
    }
  LossGrid grid(step, least, most);
  for (std::int64_t x = -reach - v; x <= reach + v; ++x) {
    const double mass = std::exp(log_upper(x));
    if (relevant(x))
      grid.AddAtom(mass, log_upper(x) - log_lower(x));
    else
      grid.AddInfinity(mass);
  }
  return std::move(grid).Take();
}

double DiscreteGaussianKl(double variance) { return 1.5e-6 / std::pow(variance, 4); }
double SkellamKl(double variance) { return 2.0 / (48 * variance * variance); }

}  // namespace veilsum::dp
