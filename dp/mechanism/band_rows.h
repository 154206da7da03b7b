// Rows of a banded run at a merchant and at the coordinator (DP-15; dp/mechanism/band_matrix.h).
// Integers only between the steps' sums and the rows. A row that fails is lost: it is never sent
// again, and its step is in the later rows all the same.
#pragma once

#include <deque>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/secret.h"
#include "dp/clip/clipped_sum.h"
#include "dp/mechanism/band_matrix.h"

namespace veilsum::dp {

// The customer's group: it may be sampled only in steps t with t mod bands == group. `key` is one
// merchant's, secret, and the same for the whole run.
std::uint64_t BandGroup(const Secret<32>& key, std::string_view customer, std::uint64_t bands);

// A merchant's queue of the last b - 1 steps, in memory only: a restart begins with an empty one,
// which only takes signal away, and so does a step that it missed.
class BandEncoder {
 public:
  // `guard_bits`: the steps' sums are on a grid 2^guard_bits times as fine as the rows'.
  BandEncoder(BandMatrix matrix, std::size_t dimension, int guard_bits)
      : matrix_(std::move(matrix)), dimension_(dimension), guard_bits_(guard_bits) {}

  // Row t from step t's sum, which only customers of group t mod b are in: round_half_even(2^-guard
  // sum_j c_j G_{t-j}). Its sensitivity is BlockSensitivity, over the b rows. InvalidArgument:
  // another dimension. FailedPrecondition: t is not above the last one's, which would be a step
  // that is sampled twice. Rows are at most ||c||_1 times the largest step, which must fit the
  // ring.
  absl::StatusOr<ClippedSum> Row(std::uint64_t t, ClippedSum&& step);

 private:
  BandMatrix matrix_;
  std::size_t dimension_;
  int guard_bits_;
  struct Step {
    std::uint64_t t;
    std::vector<std::int64_t> sum;
  };
  std::deque<Step> steps_;  // newest first
};

// The coordinator's side: applies C^-1 to the noisy sums, which is post-processing.
class BandDecoder {
 public:
  BandDecoder(BandMatrix matrix, std::size_t dimension)
      : matrix_(std::move(matrix)), dimension_(dimension) {}
  // The noisy estimate of step t's sum from row t's; t only grows. A row that was lost is one that
  // no call was for: its step's signal turns up in the following estimates. Needs row.size() ==
  // dimension.
  std::vector<double> Step(std::uint64_t t, std::span<const std::int64_t> row);

  // What the next steps need, exactly: little-endian, of each kept step t and its numbers.
  Bytes Save() const;
  // All or nothing. InvalidArgument: not what Save of the same matrix and dimension gives.
  absl::Status Load(ByteView saved);

 private:
  struct Estimate {
    std::uint64_t t;
    std::vector<double> step;
  };
  BandMatrix matrix_;
  std::size_t dimension_;
  std::deque<Estimate> steps_;  // newest first, at most b - 1
};

}  // namespace veilsum::dp
