#include "dp/mechanism/band_matrix.h"

#include <cmath>

namespace veilsum::dp {
namespace {

constexpr std::uint64_t kMostBands = 4096;
constexpr int kMostGuardBits = 20;

}  // namespace

absl::StatusOr<BandMatrix> BandMatrix::Create(std::uint64_t bands) {
  if (bands < 1 || bands > kMostBands)
    return InvalidArgument("bands is %d, must be from 1 to %d (DP-15)", bands, kMostBands);
  std::vector<std::int64_t> units;
  long double c = 1;
  for (std::uint64_t k = 0; k < bands; ++k) {
    if (k > 0) c *= static_cast<long double>(2 * k - 1) / static_cast<long double>(2 * k);
    units.push_back(std::llrint(std::ldexp(c, kUnitBits)));
  }
  return BandMatrix(std::move(units));
}

double BandMatrix::at(std::size_t k) const {
  return k < units_.size() ? std::ldexp(static_cast<double>(units_[k]), -kUnitBits) : 0;
}

double BandMatrix::Norm() const {
  double sum = 0;
  for (std::size_t k = bands(); k-- > 0;) sum += at(k) * at(k);
  return std::sqrt(sum);
}

double BandMatrix::SquaredSensitivity(std::uint64_t steps, std::uint64_t separation,
                                      std::uint64_t participations) const {
  std::vector<double> rows(steps);
  for (std::uint64_t i = 0; i < participations && i * separation < steps; ++i)
    for (std::uint64_t k = 0; k < bands() && i * separation + k < steps; ++k)
      rows[i * separation + k] += at(k);
  double sum = 0;
  for (const double row : rows) sum += row * row;
  return sum;
}

double BandMatrix::DecodedError(std::uint64_t steps) const {
  // d = 1 / c as a power series; row t of A C^-1 holds its sums up to each place.
  std::vector<double> inverse;
  double running = 0, row = 0, sum = 0;
  for (std::uint64_t t = 0; t < steps; ++t) {
    double d = t == 0 ? 1 : 0;
    for (std::size_t k = 1; k < bands() && k <= t; ++k) d -= at(k) * inverse[t - k];
    inverse.push_back(d);
    running += d;
    row += running * running;
    sum += row;
  }
  return std::sqrt(sum / static_cast<double>(steps));
}

absl::StatusOr<Rational> GroupRate(const Rational& rate, std::uint64_t bands) {
  const auto scaled = static_cast<unsigned __int128>(rate.numerator()) * bands;
  if (scaled > rate.denominator())
    return InvalidArgument("bands is %d: times the sampling rate %s it must be at most 1 (DP-15)",
                           bands, rate.ToString());
  return Rational::Create(static_cast<std::uint64_t>(scaled), rate.denominator());
}

absl::StatusOr<double> BlockSensitivity(const BandMatrix& matrix, const TrainingGrid& grid,
                                        int guard_bits) {
  if (guard_bits < 0 || guard_bits > kMostGuardBits)
    return InvalidArgument("guard_bits is %d, must be from 0 to %d", guard_bits, kMostGuardBits);
  TrainingGrid fine = grid;
  fine.scale_log2 += guard_bits;
  VEILSUM_ASSIGN_OR_RETURN(const double step, TrainingSensitivity(fine));
  if (matrix.bands() == 1 && guard_bits == 0) return step;  // rows are the steps, not rounded again
  VEILSUM_RETURN_IF_ERROR(TrainingSensitivity(grid).status());  // the rows' own grid (DP-02)
  return matrix.Norm() * std::ldexp(step, -guard_bits) +
         std::sqrt(static_cast<double>(matrix.bands()) * static_cast<double>(grid.dimension));
}

}  // namespace veilsum::dp
