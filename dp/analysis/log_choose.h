// ln of factorials and binomial coefficients. std::lgamma puts the gamma function's sign into a
// global that threads share; the functions here do not.
#pragma once

#include <math.h>  // lgamma_r, lgammal_r: POSIX, not in <cmath>'s namespace

namespace veilsum::dp {

// ln n! = ln Gamma(n + 1), n > -1.
inline double LogFactorial(double n) {
  int sign;
  return ::lgamma_r(n + 1, &sign);
}
inline long double LogFactorial(long double n) {
  int sign;
  return ::lgammal_r(n + 1, &sign);
}

// ln of the number of ways to choose k of n, 0 <= k <= n.
template <class Real>
Real LogChoose(Real n, Real k) {
  return LogFactorial(n) - LogFactorial(k) - LogFactorial(n - k);
}

}  // namespace veilsum::dp
