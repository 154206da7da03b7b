// Banded Toeplitz factors of the prefix sums: a run whose rows are correlated by C, A = B C, where
// A adds up the steps so far. Row t of what merchants send is sum_{j < b} c_j G_{t-j}, and the
// coordinator applies C^-1 to the noisy sums, so that noise is added to whole models rather than to
// single steps. b = 1 is DP-SGD.
// Sources: coefficients: Fichtenberger, Henzinger, Upadhyay (arXiv 2202.11205), cut off after b;
// sensitivity: Kalinin and Lampert (arXiv 2405.13763), theorem 2; sampling: Choquette-Choo et al.
// (arXiv 2306.08153); distributed form, block sensitivity: rule DP-15, lemma L7 in dp/README.md.
#pragma once

#include <cstdint>
#include <vector>

#include "base/rational.h"
#include "dp/sensitivity.h"

namespace veilsum::dp {

class BandMatrix {
 public:
  // c_0 = 1, c_k = c_{k-1} (2 k - 1) / (2 k), k < bands, rounded to units of 2^-30: what both sides
  // compute with, so that no two of them disagree. InvalidArgument: bands not from 1 to 4096.
  static absl::StatusOr<BandMatrix> Create(std::uint64_t bands);

  static constexpr int kUnitBits = 30;
  std::size_t bands() const { return units_.size(); }
  const std::vector<std::int64_t>& units() const { return units_; }
  double at(std::size_t k) const;  // c_k
  double Norm() const;             // ||c||
  // Square of the L2 sensitivity over `steps` rows of one who takes part every `separation` rows,
  // at most `participations` times, with contributions of norm 1.
  double SquaredSensitivity(std::uint64_t steps, std::uint64_t separation,
                            std::uint64_t participations) const;
  // sqrt(mean_t ||row t of A C^-1||^2): the error of the sum of the steps so far, over `steps` of
  // them, in standard deviations of one row's noise.
  double DecodedError(std::uint64_t steps) const;

 private:
  explicit BandMatrix(std::vector<std::int64_t> units) : units_(std::move(units)) {}
  std::vector<std::int64_t> units_;
};

// b q, exactly: the rate at which the group whose step it is is sampled, so that a step samples as
// many customers on average as DP-SGD at rate q. InvalidArgument when that is above 1 (DP-15).
absl::StatusOr<Rational> GroupRate(const Rational& rate, std::uint64_t bands);

// How far one customer, who takes part in every b-th step at most, moves the b rows that carry one
// of its contributions, in L2 over all of them: ||c|| times what it moves a step's sum by, and each
// row is rounded. D2_block = ||c|| (s C (1 + 2^-20) + 2^-guard (sqrt(d) + fp_err)) + sqrt(b d), the
// steps' sums being on a grid that is 2^guard times as fine as `grid` (H7 of the review; guard bits
// keep the steps' own rounding out of it). TrainingSensitivity's errors; InvalidArgument:
// guard_bits not from 0 to 20.
absl::StatusOr<double> BlockSensitivity(const BandMatrix& matrix, const TrainingGrid& grid,
                                        int guard_bits);

}  // namespace veilsum::dp
