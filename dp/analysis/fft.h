// Real discrete Fourier transforms of power-of-two length, which composing privacy losses needs.
// Theory: Stockham's self-sorting radix-4 algorithm; a real sequence is transformed as a complex
// one of half its length. Relative error of the transform: about 2^-53 log2(n).
#pragma once

#include <cstddef>
#include <vector>

namespace veilsum::dp {

// Real and imaginary parts in arrays of their own, so that loops over them are vector loops.
struct ComplexVector {
  std::vector<double> re, im;
};

// X_k = sum_j x_j e^(-2 pi i j k / n) for k = 0 .. n / 2. x.size() is a power of two, at least 4.
ComplexVector RealFft(const std::vector<double>& x);

// The real sequence of length n = 2 (spectrum size - 1) whose RealFft is `spectrum`.
std::vector<double> InverseRealFft(const ComplexVector& spectrum);

}  // namespace veilsum::dp
