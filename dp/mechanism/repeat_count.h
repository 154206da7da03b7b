// How many runs a selection makes (dp/analysis/selection.h): K drawn exactly, from integers only.
// Whoever is to be kept from learning more than the best run must not learn K either, nor see the
// other runs: against a coordinator, who sees all of them, every run is charged in full.
#pragma once

#include "base/rational.h"
#include "base/secure_rng.h"
#include "dp/analysis/selection.h"

namespace veilsum::dp {

class RepeatCount {
 public:
  // InvalidArgument naming field and bound: eta in [0, 1], gamma in [1e-6, 1), denominators at most
  // 2^32.
  static absl::StatusOr<RepeatCount> Create(const Rational& eta, const Rational& gamma);

  RepeatRule rule() const { return {eta_.ToDouble(), gamma_.ToDouble()}; }  // what is accounted
  // At least 1. Draws a geometric number and keeps it with probability prod (l + eta) / (l + 1), l
  // = 1 .. K - 1; its time tells K.
  std::uint64_t Draw(SecureRng& rng) const;

 private:
  RepeatCount(const Rational& eta, const Rational& gamma) : eta_(eta), gamma_(gamma) {}
  Rational eta_, gamma_;
};

}  // namespace veilsum::dp
