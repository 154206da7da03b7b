// The numbers of a privacy claim as types: each is made by Create, which refuses what has no
// meaning and names field and bound.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/rational.h"
#include "base/status.h"

namespace veilsum::dp {

// A positive finite privacy loss. "No privacy" is not an Epsilon: it is the absence of a claim
// (mode none, SE-12).
class Epsilon {
 public:
  static absl::StatusOr<Epsilon> Create(double value);
  double value() const { return value_; }

 private:
  explicit Epsilon(double value) : value_(value) {}
  double value_;
};

// Failure probability in [1e-15, 1). Below 1e-15 no number of this module is trustworthy (DP-18).
class Delta {
 public:
  static absl::StatusOr<Delta> Create(double value);
  double value() const { return value_; }

 private:
  explicit Delta(double value) : value_(value) {}
  double value_;
};

// Standard deviation of the noise divided by the L2 sensitivity; finite and positive.
class NoiseMultiplier {
 public:
  static absl::StatusOr<NoiseMultiplier> Create(double value);
  double value() const { return value_; }

 private:
  explicit NoiseMultiplier(double value) : value_(value) {}
  double value_;
};

// L2 bound on one customer's contribution, in model units; finite and positive.
class ClipNorm {
 public:
  static absl::StatusOr<ClipNorm> Create(double value);
  double value() const { return value_; }

 private:
  explicit ClipNorm(double value) : value_(value) {}
  double value_;
};

// Probability with which each customer is in one attempt's batch, exact, in [2^-64, 1] (DP-01,
// DP-05).
class SamplingRate {
 public:
  static absl::StatusOr<SamplingRate> Create(const Rational& rate);
  static absl::StatusOr<SamplingRate> Parse(std::string_view text);  // as Rational::Parse

  const Rational& rational() const { return rate_; }
  double value() const { return rate_.ToDouble(); }
  bool is_one() const { return rate_.numerator() == rate_.denominator(); }
  // A uniform 64-bit word w includes the customer iff w <= last_word(): (last_word() + 1) / 2^64 is
  // the rate rounded down, so that the true rate is never above the claimed one.
  std::uint64_t last_word() const { return last_word_; }

 private:
  SamplingRate(const Rational& rate, std::uint64_t last_word)
      : rate_(rate), last_word_(last_word) {}
  Rational rate_;
  std::uint64_t last_word_;
};

}  // namespace veilsum::dp
