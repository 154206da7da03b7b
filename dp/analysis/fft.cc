#include "dp/analysis/fft.h"

#include <cmath>

#include "dp/analysis/each_width.h"

namespace veilsum::dp {
namespace {

void SetRoot(std::size_t n, std::size_t k, double& re, double& im) {
  const double angle = -2 * M_PI * static_cast<double>(k) / static_cast<double>(n);
  re = std::cos(angle);
  im = std::sin(angle);
}

// e^(-2 pi i k / n) for k < count: products of two roots with angles of their own, so that errors
// do not add up along the table.
ComplexVector Roots(std::size_t n, std::size_t count) {
  constexpr std::size_t kFine = 1024;
  ComplexVector roots{std::vector<double>(count), std::vector<double>(count)};
  double fine_re[kFine], fine_im[kFine], re, im;
  for (std::size_t k = 0; k < kFine; ++k) SetRoot(n, k, fine_re[k], fine_im[k]);
  for (std::size_t from = 0; from < count; from += kFine) {
    SetRoot(n, from, re, im);
    for (std::size_t k = 0; k < kFine && from + k < count; ++k) {
      roots.re[from + k] = re * fine_re[k] - im * fine_im[k];
      roots.im[from + k] = re * fine_im[k] + im * fine_re[k];
    }
  }
  return roots;
}

// One radix-4 pass: sequences of length n, interleaved with stride s, from x to y. `roots` are
// those of unity for 2 * n * s, read with stride 2 * s.
VEILSUM_EACH_WIDTH void Radix4Pass(std::size_t n, std::size_t s, const ComplexVector& roots,
                                   const ComplexVector& x, ComplexVector& y) {
  const std::size_t quarter = n / 4;
  for (std::size_t p = 0; p < quarter; ++p) {
    const double w1r = roots.re[2 * p * s], w1i = roots.im[2 * p * s];
    const double w2r = w1r * w1r - w1i * w1i, w2i = 2 * w1r * w1i;
    const double w3r = w1r * w2r - w1i * w2i, w3i = w1r * w2i + w1i * w2r;
    const double *ar = &x.re[s * p], *ai = &x.im[s * p];
    const double *br = ar + s * quarter, *bi = ai + s * quarter;
    const double *cr = br + s * quarter, *ci = bi + s * quarter;
    const double *dr = cr + s * quarter, *di = ci + s * quarter;
    double* __restrict yr = &y.re[4 * s * p], * __restrict yi = &y.im[4 * s * p];
    for (std::size_t q = 0; q < s; ++q) {
      const double acr = ar[q] + cr[q], aci = ai[q] + ci[q];
      const double amr = ar[q] - cr[q], ami = ai[q] - ci[q];
      const double bdr = br[q] + dr[q], bdi = bi[q] + di[q];
      const double jr = -(bi[q] - di[q]), ji = br[q] - dr[q];  // i (b - d)
      const double t1r = amr - jr, t1i = ami - ji, t2r = acr - bdr, t2i = aci - bdi, t3r = amr + jr,
                   t3i = ami + ji;
      yr[q] = acr + bdr;
      yi[q] = aci + bdi;
      yr[q + s] = w1r * t1r - w1i * t1i;
      yi[q + s] = w1r * t1i + w1i * t1r;
      yr[q + 2 * s] = w2r * t2r - w2i * t2i;
      yi[q + 2 * s] = w2r * t2i + w2i * t2r;
      yr[q + 3 * s] = w3r * t3r - w3i * t3i;
      yi[q + 3 * s] = w3r * t3i + w3i * t3r;
    }
  }
}

// The last pass where log2(n) is odd.
void Radix2Pass(std::size_t s, const ComplexVector& x, ComplexVector& y) {
  for (std::size_t q = 0; q < s; ++q) {
    y.re[q] = x.re[q] + x.re[q + s];
    y.im[q] = x.im[q] + x.im[q + s];
    y.re[q + s] = x.re[q] - x.re[q + s];
    y.im[q + s] = x.im[q] - x.im[q + s];
  }
}

}  // namespace

RealFft::RealFft(std::size_t n)
    : half_(n / 2),
      roots_(Roots(n, half_)),
      z_{std::vector<double>(half_), std::vector<double>(half_)},
      scratch_{std::vector<double>(half_), std::vector<double>(half_)} {}

void RealFft::Transform() {
  std::size_t n = half_, s = 1;
  for (; n >= 4; n /= 4, s *= 4) {
    Radix4Pass(n, s, roots_, z_, scratch_);
    std::swap(z_, scratch_);
  }
  if (n == 2) {
    Radix2Pass(s, z_, scratch_);
    std::swap(z_, scratch_);
  }
}

ComplexVector RealFft::Forward(const std::vector<double>& x) {
  ComplexVector& z = z_;
  for (std::size_t j = 0; j < half_; ++j) {
    z.re[j] = x[2 * j];
    z.im[j] = x[2 * j + 1];
  }
  Transform();
  ComplexVector out{std::vector<double>(half_ + 1), std::vector<double>(half_ + 1)};
  out.re[0] = z.re[0] + z.im[0];
  out.re[half_] = z.re[0] - z.im[0];
  for (std::size_t k = 1; k < half_; ++k) {
    // Even part (z_k + conj z_-k) / 2, odd part (z_k - conj z_-k) / 2i.
    const double er = (z.re[k] + z.re[half_ - k]) / 2, ei = (z.im[k] - z.im[half_ - k]) / 2;
    const double hr = (z.im[k] + z.im[half_ - k]) / 2, hi = (z.re[half_ - k] - z.re[k]) / 2;
    out.re[k] = er + roots_.re[k] * hr - roots_.im[k] * hi;
    out.im[k] = ei + roots_.re[k] * hi + roots_.im[k] * hr;
  }
  return out;
}

std::vector<double> RealFft::Inverse(const ComplexVector& spectrum) {
  ComplexVector& z = z_;
  for (std::size_t k = 0; k < half_; ++k) {
    const double ar = spectrum.re[k], ai = spectrum.im[k];
    const double br = spectrum.re[half_ - k], bi = -spectrum.im[half_ - k];
    const double er = ar + br, ei = ai + bi, dr = ar - br, di = ai - bi;
    // odd part: (a - b) conj(root); z = even + i odd, conjugated for a forward transform.
    const double hr = dr * roots_.re[k] + di * roots_.im[k];
    const double hi = di * roots_.re[k] - dr * roots_.im[k];
    z.re[k] = er - hi;
    z.im[k] = -(ei + hr);
  }
  Transform();
  std::vector<double> x(2 * half_);
  const double scale = 1 / (2 * static_cast<double>(half_));
  for (std::size_t j = 0; j < half_; ++j) {
    x[2 * j] = z.re[j] * scale;
    x[2 * j + 1] = -z.im[j] * scale;
  }
  return x;
}

}  // namespace veilsum::dp
