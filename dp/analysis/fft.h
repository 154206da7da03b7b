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

// Transforms of one length n, a power of two, at least 4. Keeps its roots of unity and its scratch
// memory between calls: one call at a time.
class RealFft {
 public:
  explicit RealFft(std::size_t n);
  // X_k = sum_j x_j e^(-2 pi i j k / n) for k = 0 .. n / 2. x.size() == n.
  ComplexVector Forward(const std::vector<double>& x);
  // The real sequence whose Forward is `spectrum`, of n / 2 + 1 values.
  std::vector<double> Inverse(const ComplexVector& spectrum);

 private:
  void Transform();  // z_ in place, of length n / 2
  std::size_t half_;
  ComplexVector roots_, z_, scratch_;
};

}  // namespace veilsum::dp
