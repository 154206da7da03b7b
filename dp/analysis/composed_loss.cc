#include "dp/analysis/composed_loss.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "dp/analysis/cumulant.h"
#include "dp/analysis/each_width.h"
#include "dp/analysis/fft.h"
#include "dp/infinity.h"

namespace veilsum::dp {
namespace {

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

// Frequencies that are worked on together: they stay in the cache, and most blocks are soon zero.
constexpr std::size_t kLanes = 256;
// Squares of absolute values below this are as good as nothing; denormal numbers would be a hundred
// times slower.
constexpr double kNothing = 1e-200;

// p *= b in `lanes` places.
VEILSUM_EACH_WIDTH void Multiply(double* pr, double* pi, const double* br, const double* bi,
                                 std::size_t lanes) {
  for (std::size_t k = 0; k < lanes; ++k) {
    const double r = pr[k] * br[k] - pi[k] * bi[k], i = pr[k] * bi[k] + pi[k] * br[k];
    const bool tiny = r * r + i * i < kNothing;
    pr[k] = tiny ? 0 : r;
    pi[k] = tiny ? 0 : i;
  }
}

// b *= b; whether anything is left.
VEILSUM_EACH_WIDTH bool Square(double* br, double* bi, std::size_t lanes) {
  std::int64_t left = 0;
  for (std::size_t k = 0; k < lanes; ++k) {
    const double r = br[k] * br[k] - bi[k] * bi[k], i = 2 * br[k] * bi[k];
    const double size = r * r + i * i;
    br[k] = size < kNothing ? 0 : r;
    bi[k] = size < kNothing ? 0 : i;
    left |= size < kNothing ? 0 : 1;
  }
  return left != 0;
}

// The elementwise product of spectra^count.
void MultiplyPower(const ComplexVector& base, std::uint64_t count, ComplexVector& product) {
  double br[kLanes], bi[kLanes];
  for (std::size_t from = 0; from < base.re.size(); from += kLanes) {
    const std::size_t lanes = std::min(kLanes, base.re.size() - from);
    std::copy_n(&base.re[from], lanes, br);
    std::copy_n(&base.im[from], lanes, bi);
    double *pr = &product.re[from], *pi = &product.im[from];
    for (std::uint64_t rest = count;;) {
      if (rest & 1) Multiply(pr, pi, br, bi, lanes);
      rest >>= 1;
      if (rest == 0) break;
      if (!Square(br, bi, lanes)) {  // the highest bit is still to come, so the power is 0
        std::fill_n(pr, lanes, 0.0);
        std::fill_n(pi, lanes, 0.0);
        break;
      }
    }
  }
}

// relative_k += T / |f_k|: by how much an error of f_k, relative to 1, is an error of f_k^T,
// relative to f_k^T. Only where the product is not 0, which it never ceases to be.
VEILSUM_EACH_WIDTH void AddSensitivity(const ComplexVector& base, std::uint64_t count,
                                       const ComplexVector& product,
                                       std::vector<double>& relative) {
  for (std::size_t from = 0; from < relative.size(); from += kLanes) {
    const std::size_t to = std::min(relative.size(), from + kLanes);
    bool any = false;
    for (std::size_t k = from; k < to; ++k) any |= product.re[k] != 0 || product.im[k] != 0;
    if (!any) continue;
    for (std::size_t k = from; k < to; ++k)
      relative[k] += static_cast<double>(count) /
                     (std::sqrt(base.re[k] * base.re[k] + base.im[k] * base.im[k]) + 1e-150);
  }
}

// Mean over the frequencies of |F_k| (1 + relative_k).
double MeanSensitivity(const ComplexVector& product, const std::vector<double>& relative) {
  double sum = 0;
  for (std::size_t k = 0; k < relative.size(); ++k)
    if (product.re[k] != 0 || product.im[k] != 0)
      sum += std::sqrt(product.re[k] * product.re[k] + product.im[k] * product.im[k]) *
             (1 + relative[k]);
  return sum / static_cast<double>(relative.size());
}

}  // namespace

bool MomentsShowDelta(std::span<const LossBlock> blocks, double epsilon, double delta) {
  double log_finite = 0;
  for (const LossBlock& block : blocks)
    log_finite += static_cast<double>(block.count) * std::log1p(-block.loss.infinity);
  const double left = delta + std::expm1(log_finite);  // what infinite losses leave of delta
  if (!(left > 0)) return false;
  double theta = SaddlePoint(blocks, delta);
  for (int i = 0; i < 8 && theta < 1e8; ++i, theta *= 1.4) {
    const double log_bound = TotalAt(blocks, theta).log_m - theta * epsilon +
                             theta * std::log(theta / (1 + theta)) - std::log1p(theta);
    if (log_bound < std::log(left) - 1e-9) return true;
  }
  return false;
}

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
  std::vector<double> relative(bins / 2 + 1), tilted(bins);
  RealFft fft(bins);
  for (const LossBlock& block : blocks) {
    std::ranges::fill(tilted, 0.0);
    AddTilted(block.loss, theta, CumulantsAt(block.loss, theta).log_m, tilted);
    const ComplexVector spectrum = fft.Forward(tilted);
    MultiplyPower(spectrum, block.count, product);
    AddSensitivity(spectrum, block.count, product, relative);
    log_finite += static_cast<double>(block.count) * std::log1p(-block.loss.infinity);
  }
  // Each spectrum value is off by at most 4 u log2(N), u = 2^-53, since the tilted masses sum to 1;
  // a power multiplies that by T |f|^(T - 1); the inverse transform averages over the frequencies.
  const double unit = 4 * std::ldexp(1, -53) * std::log2(static_cast<double>(bins));
  out.log_error_ = std::log(unit * MeanSensitivity(product, relative));
  const std::vector<double> cyclic = fft.Inverse(product);

  out.theta_ = theta;
  out.log_scale_ = total.log_m;
  out.infinity_ = -std::expm1(log_finite) + tail;
  out.truncated_below_ = true;
  std::vector<double>& mass = tilted;  // its memory
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
