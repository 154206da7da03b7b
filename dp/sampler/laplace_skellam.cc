#include "dp/sampler/laplace_skellam.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace veilsum::dp {
namespace {

constexpr double kTailBits = 145;  // the last entry is below 2^-145 of the first: the tail beyond
                                   // is below 2^-135 for the radii in use

int BitsFor(std::size_t radius) {
  return std::max(8, static_cast<int>(std::bit_width(2 * radius + 1)));
}

// log2 of I_(k+1)(mu) / I_k(mu) for k = 0 .. count - 1, by the backward continued fraction; doubles
// decide only where the table ends.
std::vector<double> LogRatios(double variance, std::size_t count) {
  std::vector<double> logs(count);
  double ratio = 0;
  for (std::size_t k = 2 * count + 64; k-- > 0;) {
    ratio = 1 / (2 * (static_cast<double>(k) + 1) / variance + ratio);
    if (k < count) logs[k] = std::log2(ratio);
  }
  return logs;
}

// First index whose weight is below 2^-bits of the first.
std::size_t IndexBelow(const std::vector<double>& logs, double bits) {
  double sum = 0;
  for (std::size_t k = 0; k < logs.size(); ++k)
    if ((sum += logs[k]) < -bits) return k + 1;
  return logs.size();
}

FixedPoint PowerOfHalf(int exponent) {
  FixedPoint value(1);
  for (; exponent > 62; exponent -= 62) value = value.DividedBy(std::uint64_t{1} << 62);
  return value.DividedBy(std::uint64_t{1} << exponent);
}

}  // namespace

// r^k for r = e^(-denominator / numerator), as (e^(-1/8 ...))^... of an argument below one.
std::vector<FixedPoint> LaplaceWeights(std::uint64_t numerator, std::uint64_t denominator) {
  constexpr std::uint64_t kPieces = 16;  // e^-x by its series wants x < 1; 1 / t is at most 8
  const FixedPoint piece = ExpMinus(FixedPoint::Ratio(denominator, numerator * kPieces));
  FixedPoint r(1);
  for (std::uint64_t i = 0; i < kPieces; ++i) r = r * piece;
  const double t = static_cast<double>(numerator) / static_cast<double>(denominator);
  const auto radius = static_cast<std::size_t>(kTailBits * std::numbers::ln2 * t) + 1;
  std::vector<FixedPoint> weights = {FixedPoint(1)};
  for (std::size_t k = 0; k < radius; ++k) weights.push_back(weights.back() * r);
  return weights;
}

// I_(k-1) = I_(k+1) + (2 k / mu) I_k downward from far outside (Miller's algorithm): what the wrong
// start contributes decays as fast as I_k grows, and a rounding error at 2^-235 of the largest
// weight is 2^-21 of the entry there and 2^-110 of those at the table's end, whose own share is
// 2^-145.
std::vector<FixedPoint> SkellamWeights(std::uint64_t variance) {
  const double sigma = std::sqrt(static_cast<double>(variance));
  const std::vector<double> logs =
      LogRatios(static_cast<double>(variance), static_cast<std::size_t>(40 * sigma) + 200);
  const std::size_t radius = IndexBelow(logs, kTailBits), start = IndexBelow(logs, 230);
  double growth = 0;  // log2 of I_0 / I_start
  for (std::size_t k = 0; k < start; ++k) growth -= logs[k];
  std::vector<FixedPoint> weights(radius + 1);
  FixedPoint above,
      at = PowerOfHalf(static_cast<int>(growth) - 1);  // so that weights[0] is in [2, 4)
  for (std::size_t k = start; k > 0; --k) {
    if (k <= radius) weights[k] = at;
    const FixedPoint below = above + (FixedPoint(2 * k) * at).DividedBy(variance);
    above = at;
    at = below;
  }
  weights[0] = at;
  return weights;
}

absl::StatusOr<std::unique_ptr<const TableSampler>> TableSampler::DiscreteLaplace(
    std::uint64_t numerator, std::uint64_t denominator) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 50;
  if (denominator == 0 || numerator == 0 || numerator > kMost || denominator > kMost ||
      denominator > 8 * numerator || numerator > 2048 * denominator)
    return InvalidArgument("scale of discrete Laplace noise is %d / %d, must be from 1/8 to 2048",
                           numerator, denominator);
  return std::unique_ptr<const TableSampler>(
      new TableSampler(LaplaceWeights(numerator, denominator), "veilsum/dp/laplace/v1"));
}

absl::StatusOr<std::unique_ptr<const TableSampler>> TableSampler::Skellam(std::uint64_t variance) {
  if (variance < 1 || variance > std::uint64_t{1} << 20)
    return InvalidArgument("variance of Skellam noise is %d, must be from 1 to 2^20", variance);
  return std::unique_ptr<const TableSampler>(
      new TableSampler(SkellamWeights(variance), "veilsum/dp/skellam/v1"));
}

TableSampler::TableSampler(const std::vector<FixedPoint>& weights, const char* label)
    : table_(ProbabilitiesOf(weights), BitsFor(weights.size() - 1)), label_(label) {}

double TableSampler::distance_per_sample() const {
  return (2.0 * table_.offset() + 1) * 0x1p-129 + 0x1p-135;
}

void TableSampler::AddNoise(const Secret<32>& seed, std::span<std::int64_t> values) const {
  AddTableNoise(table_, 1, 1, label_, seed, values);
}

}  // namespace veilsum::dp
