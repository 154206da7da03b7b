#include "dp/analysis/composed_loss.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "dp/analysis/cumulant.h"
#include "dp/analysis/fft.h"

namespace veilsum::dp {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Of the tilted sum beyond either end of the window: it wraps around, where it only adds, and where
// the other end's masses do not matter.
constexpr double kLogWrapped = -16.1;  // ln 1e-7
// Of delta: the sum's mass above the window, which is taken as infinite.
constexpr double kTailShare = 1e-6;

// Points whose exponentials are products of two: of the chunk's first point, and of a table.
constexpr std::size_t kChunk = 64;
std::vector<double> Powers(double exponent) {
  std::vector<double> powers(kChunk);
  for (std::size_t j = 0; j < kChunk; ++j) powers[j] = std::exp(exponent * static_cast<double>(j));
  return powers;
}

Cumulants TotalAt(std::span<const LossBlock> blocks, double theta) {
  Cumulants total{0, 0, 0};
  for (const LossBlock& block : blocks) {
    const Cumulants one = CumulantsAt(block.loss, theta);
    const auto count = static_cast<double>(block.count);
    total.log_m += count * one.log_m;
    total.mean += count * one.mean;
    total.variance += count * one.variance;
  }
  return total;
}

// theta > 0 at which the tilted mean K' is about epsilon(delta): the saddle-point approximation of
// delta, e^(K - theta K') / (theta (1 + theta) sqrt(2 pi K'')), is the delta wanted.
double SaddlePoint(std::span<const LossBlock> blocks, double delta) {
  const double target = -std::log(delta);
  const Cumulants start = TotalAt(blocks, 0);
  const double deviation = std::sqrt(start.variance) + 1e-300;
  double low = 0, high = kInfinity;
  double theta = std::min(1e8, std::sqrt(2 * target) / deviation);
  for (int i = 0; i < 60; ++i) {
    const Cumulants here = TotalAt(blocks, theta);
    const double prefactor = theta * (1 + theta) * std::sqrt(2 * M_PI * here.variance);
    const double excess =
        theta * here.mean - here.log_m + std::log(std::max(1.0, prefactor)) - target;
    (excess < 0 ? low : high) = theta;
    if (std::abs(excess) < 0.05 || theta > 1e9) break;
    // Newton's step in ln theta
    const double slope = theta * theta * here.variance;
    double next = theta * std::exp(std::clamp(-excess / std::max(slope, 1e-12), -2.0, 2.0));
    if (!(next > low && next < high)) next = high < kInfinity ? (low + high) / 2 : 2 * low;
    theta = next;
  }
  return theta;
}

struct Window {
  double low, high;  // losses
};

// Outside it the tilted sum has less than e^kLogWrapped on either side, and above it the sum itself
// has less than `tail`.
Window WindowOf(std::span<const LossBlock> blocks, double theta, const Cumulants& at_theta,
                double tail) {
  const double unit = 1 / (std::sqrt(at_theta.variance) + 1e-300);
  double low = -kInfinity, high = kInfinity, high_untilted = kInfinity;
  for (const double s : {0.5, 1.5, 3.0, 5.0, 8.0}) {
    const double step = s * unit;
    const Cumulants above = TotalAt(blocks, theta + step), below = TotalAt(blocks, theta - step);
    high = std::min(high, (above.log_m - at_theta.log_m - kLogWrapped) / step);
    low = std::max(low, -(below.log_m - at_theta.log_m - kLogWrapped) / step);
    high_untilted = std::min(high_untilted, (above.log_m - std::log(tail)) / (theta + step));
  }
  return {low, std::max(high, high_untilted)};
}

// The elementwise product of spectra^count, in blocks that stay in the cache.
void MultiplyPower(const ComplexVector& base, std::uint64_t count, ComplexVector& product) {
  constexpr std::size_t kLanes = 256;
  double br[kLanes], bi[kLanes];
  for (std::size_t from = 0; from < base.re.size(); from += kLanes) {
    const std::size_t lanes = std::min(kLanes, base.re.size() - from);
    std::copy_n(&base.re[from], lanes, br);
    std::copy_n(&base.im[from], lanes, bi);
    double *pr = &product.re[from], *pi = &product.im[from];
    for (std::uint64_t rest = count; rest != 0; rest >>= 1) {
      if (rest & 1)
        for (std::size_t k = 0; k < lanes; ++k) {
          const double r = pr[k] * br[k] - pi[k] * bi[k];
          pi[k] = pr[k] * bi[k] + pi[k] * br[k];
          pr[k] = r;
        }
      for (std::size_t k = 0; k < lanes; ++k) {
        const double r = br[k] * br[k] - bi[k] * bi[k], i = 2 * br[k] * bi[k];
        // Denormal numbers would be a hundred times slower, and mean nothing here.
        const bool tiny = r * r + i * i < 1e-200;
        br[k] = tiny ? 0 : r;
        bi[k] = tiny ? 0 : i;
      }
      for (std::size_t k = 0; k < lanes; ++k) {
        const bool tiny = pr[k] * pr[k] + pi[k] * pi[k] < 1e-200;
        pr[k] = tiny ? 0 : pr[k];
        pi[k] = tiny ? 0 : pi[k];
      }
    }
  }
}

// relative_k += T / |f_k|: by how much an error of f_k, relative to 1, is an error of f_k^T,
// relative to f_k^T.
void AddSensitivity(const ComplexVector& base, std::uint64_t count, std::vector<double>& relative) {
  for (std::size_t k = 0; k < relative.size(); ++k)
    relative[k] += static_cast<double>(count) /
                   (std::sqrt(base.re[k] * base.re[k] + base.im[k] * base.im[k]) + 1e-150);
}

// Mean over the frequencies of |F_k| (1 + relative_k).
double MeanSensitivity(const ComplexVector& product, const std::vector<double>& relative) {
  double sum = 0;
  for (std::size_t k = 0; k < relative.size(); ++k)
    sum += std::sqrt(product.re[k] * product.re[k] + product.im[k] * product.im[k]) *
           (1 + relative[k]);
  return sum / static_cast<double>(relative.size());
}

}  // namespace

ComposedLoss ComposedLoss::Single(const LossDistribution& loss) {
  ComposedLoss out;
  out.step_ = loss.step;
  out.lowest_ = loss.lowest;
  out.infinity_ = loss.infinity;
  out.log_error_ = -kInfinity;
  out.SumFromAbove(loss.mass);
  return out;
}

ComposedLoss ComposedLoss::Tilted(std::span<const LossBlock> blocks, double theta, double delta,
                                  std::size_t most_bins) {
  ComposedLoss out;
  out.step_ = blocks.front().loss.step;
  const double tail = kTailShare * delta;
  const Cumulants total = TotalAt(blocks, theta);
  const Window window = WindowOf(blocks, theta, total, tail);
  const double wanted = (window.high - window.low) / out.step_ + 4;
  if (!(wanted <= static_cast<double>(most_bins)) || !(std::abs(window.high) / out.step_ < 1e15)) {
    out.fits_ = false;
    return out;
  }
  const std::size_t bins =
      std::bit_ceil(std::max<std::size_t>(4, static_cast<std::size_t>(wanted)));
  out.lowest_ = static_cast<std::int64_t>(std::floor(window.low / out.step_));

  double log_finite = 0;
  ComplexVector product{std::vector<double>(bins / 2 + 1, 1), std::vector<double>(bins / 2 + 1, 0)};
  std::vector<double> relative(bins / 2 + 1);
  for (const LossBlock& block : blocks) {
    std::vector<double> tilted(bins);
    AddTilted(block.loss, theta, CumulantsAt(block.loss, theta).log_m, tilted);
    const ComplexVector spectrum = RealFft(tilted);
    MultiplyPower(spectrum, block.count, product);
    AddSensitivity(spectrum, block.count, relative);
    log_finite += static_cast<double>(block.count) * std::log1p(-block.loss.infinity);
  }
  // Each spectrum value is off by at most 4 u log2(N), u = 2^-53, since the tilted masses sum to 1;
  // a power multiplies that by T |f|^(T - 1); the inverse transform averages over the frequencies.
  const double unit = 4 * std::ldexp(1, -53) * std::log2(static_cast<double>(bins));
  out.log_error_ = std::log(unit * MeanSensitivity(product, relative));
  const std::vector<double> cyclic = InverseRealFft(product);

  out.theta_ = theta;
  out.log_scale_ = total.log_m;
  out.infinity_ = -std::expm1(log_finite) + tail;
  out.truncated_below_ = true;
  std::vector<double> mass(bins);
  const std::vector<double> powers = Powers(-theta * out.step_);
  for (std::size_t i = 0; i < bins; i += kChunk) {
    const std::int64_t index = out.lowest_ + static_cast<std::int64_t>(i);
    const double scale = std::exp(std::min(700.0, total.log_m - theta * out.At(index)));
    for (std::size_t j = 0; j < kChunk && i + j < bins; ++j)
      mass[i + j] = std::max(0.0, cyclic[(static_cast<std::size_t>(index) + j) & (bins - 1)]) *
                    powers[j] * scale;
  }
  out.SumFromAbove(mass);
  return out;
}

void ComposedLoss::SumFromAbove(const std::vector<double>& mass) {
  reference_ = At(lowest_);
  p_above_.assign(mass.size() + 1, 0);
  q_above_.assign(mass.size() + 1, 0);
  const std::vector<double> powers = Powers(-step_);
  double scale = 0;
  for (std::size_t i = mass.size(); i-- > 0;) {
    const std::size_t j = i % kChunk;
    if (j == kChunk - 1 || i + 1 == mass.size())
      scale = std::exp(-static_cast<double>(i - j) * step_);
    p_above_[i] = p_above_[i + 1] + mass[i];
    q_above_[i] = q_above_[i + 1] + mass[i] * powers[j] * scale;
  }
}

ComposedLoss ComposedLoss::Compose(std::span<const LossBlock> blocks, double delta,
                                   std::size_t most_bins) {
  if (blocks.size() == 1 && blocks.front().count == 1) return Single(blocks.front().loss);
  double theta = SaddlePoint(blocks, delta);
  for (int attempt = 0;; ++attempt, theta /= 2) {
    ComposedLoss out = Tilted(blocks, theta, delta, most_bins);
    // The answer must lie inside the window, not below it.
    const double bottom = out.At(out.lowest_);
    if (!out.fits_ || bottom <= 0 || out.DeltaAt(bottom) > delta || attempt == 6) return out;
  }
}

double ComposedLoss::ErrorAbove(double epsilon) const {
  if (log_error_ == -kInfinity) return 0;
  // A geometric sum over the grid points from epsilon on.
  const double ratio = -std::expm1(-theta_ * step_);
  return std::exp(std::min(700.0, log_error_ + log_scale_ - theta_ * epsilon)) / ratio;
}

double ComposedLoss::DeltaAbove(std::size_t first, double epsilon) const {
  return infinity_ + p_above_[first] - std::exp(epsilon - reference_) * q_above_[first];
}

double ComposedLoss::DeltaAt(double epsilon) const {
  const double position = std::floor(epsilon / step_) + 1 - static_cast<double>(lowest_);
  if (position < 0 && truncated_below_) return 1;
  const auto last = static_cast<double>(p_above_.size() - 1);
  const auto first = static_cast<std::size_t>(std::clamp(position, 0.0, last));
  return std::clamp(DeltaAbove(first, epsilon) + ErrorAbove(epsilon), 0.0, 1.0);
}

double ComposedLoss::EpsilonAt(double delta) const {
  if (DeltaAt(0) <= delta) return 0;
  // The first grid point with DeltaAt <= delta; losses above the last one cannot matter.
  std::int64_t low = std::max<std::int64_t>(lowest_ - 1, 0),
               high = lowest_ + static_cast<std::int64_t>(p_above_.size());
  if (!(DeltaAt(At(high)) <= delta)) return kInfinity;
  low = std::min(low, high);
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (DeltaAt(At(middle)) <= delta ? high : low) = middle;
  }
  // Between two grid points delta is P - e^epsilon Q; the error of the lower one is an upper bound.
  const double left = std::max(0.0, At(low));
  if (left < At(lowest_) && truncated_below_) return At(high);
  // By index, not by division: a grid point's own mass must not be counted above itself.
  const auto first = static_cast<std::size_t>(std::clamp<std::int64_t>(
      low + 1 - lowest_, 0, static_cast<std::int64_t>(p_above_.size()) - 1));
  const double q = q_above_[first];
  const double excess = infinity_ + p_above_[first] + ErrorAbove(left) - delta;
  if (!(q > 0) || !(excess > 0)) return At(high);
  return std::clamp(std::log(excess / q) + reference_, left, At(high));
}

}  // namespace veilsum::dp
