// Intervals of shares and of differences of shares, good for small counts too.
#pragma once

#include <cstddef>

namespace veilsum::client {

struct Interval {
  double value = 0, low = 0, high = 0;
};

// Half the width, in standard errors, of a two-sided normal interval that covers `confidence`,
// which is in (0, 1).
double StandardErrors(double confidence);

// hits / of by Wilson's score interval (JASA 22, 1927); hits <= of, of at least 1.
Interval WilsonShare(std::size_t hits, std::size_t of, double standard_errors);

// a - b of two shares by Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, method
// 10); both made with the same number of standard errors.
Interval ShareDifference(const Interval& a, const Interval& b);

}  // namespace veilsum::client
