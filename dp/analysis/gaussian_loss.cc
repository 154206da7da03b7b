#include "dp/analysis/gaussian_loss.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "dp/analysis/log_choose.h"
#include "dp/infinity.h"

namespace veilsum::dp {
namespace {

double UpperTail(double x) { return std::erfc(x / M_SQRT2) / 2; }

// x with UpperTail(x) <= tail, to 1e-6.
double TailQuantile(double tail) {
  double low = 0, high = 40;
  while (high - low > 1e-6) {
    const double middle = (low + high) / 2;
    (UpperTail(middle) <= tail ? high : low) = middle;
  }
  return high;
}

// ln m(x), m(x) = sum_k w_k e^((2 k x - k^2) / 2 z^2): the mixture's density over N(0, z^2)'s.
class MixtureRatio {
 public:
  explicit MixtureRatio(const GaussianMixture& mixture)
      : q_(mixture.sampling_rate),
        z2_(mixture.noise_multiplier * mixture.noise_multiplier),
        merchants_(mixture.merchants) {
    for (unsigned k = 0; k <= merchants_; ++k) {
      const double outside = k == merchants_ ? 0 : (merchants_ - k) * std::log1p(-q_);
      weights_.push_back(
          std::exp(LogChoose(double(merchants_), double(k)) + k * std::log(q_) + outside));
    }
  }

  double Log(double x) const {
    if (weights_[0] == 0) return Exponent(merchants_, x);  // q = 1
    if (merchants_ == 1) return LogOfOne(Exponent(1, x));
    if (Exponent(merchants_, x) > 500 || Exponent(1, x) > 500) return LogOfLarge(x);
    double sum = 0;
    for (unsigned k = 1; k <= merchants_; ++k) sum += weights_[k] * std::expm1(Exponent(k, x));
    if (sum > -0.5) return std::log1p(sum);
    double direct = weights_[0];
    for (unsigned k = 1; k <= merchants_; ++k) direct += weights_[k] * std::exp(Exponent(k, x));
    return std::log(direct);
  }
  // d/dx ln m(x)
  double Slope(double x) const {
    const double log_m = Log(x);
    double sum = 0;
    for (unsigned k = 1; k <= merchants_; ++k)
      sum += weights_[k] * k / z2_ * std::exp(Exponent(k, x) - log_m);
    return sum;
  }
  // x with ln m(x) = loss; -infinity at or below the infimum ln w_0. Only for one merchant.
  double Inverse(double loss) const {
    const double log_scaled = loss > 30 ? loss + std::log1p(-(1 - q_) * std::exp(-loss))
                                        : std::log(std::max(0.0, std::expm1(loss) + q_));
    return z2_ * (log_scaled - std::log(q_)) + 0.5;
  }
  double TailBeyond(double x) const {
    double tail = 0;
    for (unsigned k = 0; k <= merchants_; ++k)
      tail += weights_[k] * UpperTail((x - k) / std::sqrt(z2_));
    return tail;
  }
  double least_shift() const { return weights_[0] == 0 ? merchants_ : 0; }

 private:
  double Exponent(unsigned k, double x) const { return (2.0 * k * x - double(k) * k) / (2 * z2_); }
  double LogOfOne(double t) const {
    if (t > 30) return t + std::log(q_) + std::log1p((1 - q_) / q_ * std::exp(-t));
    const double sum = q_ * std::expm1(t);
    return sum > -0.5 ? std::log1p(sum) : std::log(weights_[0] + q_ * std::exp(t));
  }
  double LogOfLarge(double x) const {
    double largest = -kInfinity, sum = 0;
    for (unsigned k = 0; k <= merchants_; ++k)
      largest = std::max(largest, std::log(weights_[k]) + Exponent(k, x));
    for (unsigned k = 0; k <= merchants_; ++k)
      sum += std::exp(std::log(weights_[k]) + Exponent(k, x) - largest);
    return largest + std::log(sum);
  }

  double q_, z2_;
  unsigned merchants_;
  std::vector<double> weights_;
};

// One direction of the pair over a real outcome x, mirrored where needed so that the loss grows
// with x.
class Pair {
 public:
  Pair(const GaussianMixture& mixture, Direction direction, double tail)
      : ratio_(mixture),
        direction_(direction),
        z_(mixture.noise_multiplier),
        closed_(mixture.merchants == 1 && direction != Direction::kReplace) {
    const double quantile = TailQuantile(tail);
    const bool from_base = direction == Direction::kAdd;
    least_shift_ = from_base ? 0 : ratio_.least_shift();
    low_ = least_shift_ - quantile * z_;
    high_ = (from_base ? 0 : mixture.merchants) + quantile * z_;
  }
  double low() const { return low_; }
  double high() const { return high_; }

  double Loss(double x) const {
    switch (direction_) {
      case Direction::kRemove:
        return ratio_.Log(x);
      case Direction::kAdd:
        return -ratio_.Log(-x);
      case Direction::kReplace:
        return ratio_.Log(x) - ratio_.Log(-x);
    }
    return kInfinity;
  }
  // P's density; `loss` is Loss(x).
  double Density(double x, double loss) const {
    const double base = -x * x / (2 * z_ * z_);
    const double log_m = direction_ == Direction::kAdd      ? 0
                         : direction_ == Direction::kRemove ? loss
                                                            : ratio_.Log(x);
    return std::exp(base + log_m) / (z_ * std::sqrt(2 * M_PI));
  }
  double TailAbove() const {
    return direction_ == Direction::kAdd ? UpperTail(high_ / z_) : ratio_.TailBeyond(high_);
  }
  double TailBelow() const { return UpperTail((least_shift_ - low_) / z_); }

  // The outcome in [from, high()] whose loss is `loss`.
  double Inverse(double loss, double from) const {
    if (closed_)
      return std::clamp(
          direction_ == Direction::kAdd ? -ratio_.Inverse(-loss) : ratio_.Inverse(loss), from,
          high_);
    return InverseBySearch(loss, from);
  }
  double unit() const { return z_; }

 private:
  double Slope(double x) const {
    switch (direction_) {
      case Direction::kRemove:
        return ratio_.Slope(x);
      case Direction::kAdd:
        return ratio_.Slope(-x);
      case Direction::kReplace:
        return ratio_.Slope(x) + ratio_.Slope(-x);
    }
    return 0;
  }
  // Newton's steps inside a shrinking bracket. An error of the result only moves a boundary between
  // cells, whose masses are weighed by their own losses.
  double InverseBySearch(double loss, double from) const {
    double low = from, high = high_, x = from;
    for (int i = 0; i < 100 && high - low > 1e-14 * (std::abs(low) + z_); ++i) {
      const double excess = Loss(x) - loss;
      if (std::abs(excess) < 1e-13 * (1 + std::abs(loss))) return x;
      (excess > 0 ? high : low) = x;
      const double next = x - excess / Slope(x);
      x = next > low && next < high ? next : (low + high) / 2;
    }
    return x;
  }

  MixtureRatio ratio_;
  Direction direction_;
  double z_;
  bool closed_;
  double least_shift_, low_, high_;
};

struct Rule {
  int points;
  std::array<double, 5> node, weight;  // on [-1, 1]
};
constexpr Rule kTwo = {2, {-0.57735026918962576451, 0.57735026918962576451}, {1, 1}};
constexpr Rule kThree = {
    3, {-0.77459666924148337704, 0, 0.77459666924148337704}, {5.0 / 9, 8.0 / 9, 5.0 / 9}};
constexpr Rule kFive = {5,
                        {-0.90617984593866399280, -0.53846931010568309104, 0,
                         0.53846931010568309104, 0.90617984593866399280},
                        {0.23692688505618908751, 0.47862867049936646804, 0.56888888888888888889,
                         0.47862867049936646804, 0.23692688505618908751}};

// Integrals over (from, to), whose losses lie in cell `index`: mass for its lower and upper end.
void AddInterval(const Pair& pair, double from, double to, std::int64_t index, LossGrid& grid) {
  const double width = (to - from) / pair.unit();
  if (!(width > 0)) return;
  // The densities' logarithms change by about `turn` over the interval: the rules' relative errors
  // are below 1e-14, 1e-14 and 1e-12.
  const double turn = width * (2 + std::max(std::abs(from), std::abs(to)) / pair.unit());
  const Rule& rule = turn < 0.002 ? kTwo : turn < 0.03 ? kThree : kFive;
  const int panels = &rule == &kFive ? static_cast<int>(std::ceil(turn)) : 1;
  const double low = grid.At(index);
  double stay = 0, rise = 0;
  for (int panel = 0; panel < panels; ++panel) {
    const double half = (to - from) / (2 * panels), middle = from + half * (2 * panel + 1);
    for (int i = 0; i < rule.points; ++i) {
      const double x = middle + half * rule.node[i], loss = pair.Loss(x);
      const double mass = half * rule.weight[i] * pair.Density(x, loss);
      const double up = UpperShare(loss, low, grid.step());
      rise += mass * up;
      stay += mass * (1 - up);
    }
  }
  grid.AddAt(index, stay);
  grid.AddAt(index + 1, rise);
}

}  // namespace

LossRange RangeOfGaussianLoss(const GaussianMixture& mixture, Direction direction, double tail) {
  const Pair pair(mixture, direction, tail);
  return {pair.Loss(pair.low()), pair.Loss(pair.high())};
}

LossDistribution GaussianLoss(const GaussianMixture& mixture, Direction direction, double step,
                              double tail) {
  const Pair pair(mixture, direction, tail);
  LossGrid grid(step, pair.Loss(pair.low()), pair.Loss(pair.high()));
  double from = pair.low();
  for (std::int64_t index = grid.lowest(); index < grid.highest(); ++index) {
    const double to =
        index + 1 == grid.highest() ? pair.high() : pair.Inverse(grid.At(index + 1), from);
    AddInterval(pair, from, to, index, grid);
    from = to;
  }
  grid.AddAt(grid.lowest() + 1, pair.TailBelow());
  grid.AddInfinity(pair.TailAbove());
  return std::move(grid).Take();
}

double GaussianDelta(double mu, double epsilon) {
  // ln of both terms, since e^epsilon overflows long before their difference matters.
  const double first = UpperTail(epsilon / mu - mu / 2);
  const double x = epsilon / mu + mu / 2;
  // UpperTail(x) e^epsilon = phi(x) e^epsilon R(x), and phi(x) e^epsilon = phi(epsilon / mu - mu /
  // 2) exactly, with Mills' ratio R by erfc where it does not underflow.
  const double y = epsilon / mu - mu / 2;
  const double phi = std::exp(-y * y / 2) / std::sqrt(2 * M_PI);
  double mills;
  if (x < 25) {
    mills = UpperTail(x) / (std::exp(-x * x / 2) / std::sqrt(2 * M_PI));
  } else {
    const double s = 1 / (x * x);  // the asymptotic series ends below its next term
    mills = (1 - s * (1 - 3 * s * (1 - 5 * s * (1 - 7 * s)))) / x;
  }
  return std::max(0.0, first - phi * mills);
}

double GaussianEpsilon(double mu, double delta) {
  if (GaussianDelta(mu, 0) <= delta) return 0;
  double low = 0, high = mu * mu / 2 + 1;
  while (GaussianDelta(mu, high) > delta) high *= 2;
  while (high - low > 1e-13 * high) {
    const double middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    (GaussianDelta(mu, middle) <= delta ? high : low) = middle;
  }
  return high * (1 + 1e-12);
}

}  // namespace veilsum::dp
