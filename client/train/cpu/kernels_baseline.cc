// The path that every machine has: 128-bit vectors in the compiler's own notation, products and
// sums rounded apart.
#include <cmath>
#include <cstring>

#include "client/train/cpu/kernels.h"

#define INLINE [[gnu::always_inline]] inline

namespace veilsum::client::cpu {
namespace {

constexpr std::string_view kName = "baseline";
using F = float __attribute__((vector_size(16)));
using D = double __attribute__((vector_size(16)));
using HalfF = float __attribute__((vector_size(8)));
using I = std::int32_t __attribute__((vector_size(16)));
constexpr std::size_t kF = 4, kD = 2, kGemmRows = 2, kGemmVectors = 4, kSumDepth = 4;

template <class V, class T>
INLINE V Load(const T* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
INLINE F LoadF(const float* p) { return Load<F>(p); }
INLINE void StoreF(float* p, F v) { std::memcpy(p, &v, sizeof v); }
INLINE F SetF(float x) { return F{x, x, x, x}; }
INLINE D SetD(double x) { return D{x, x}; }
INLINE F AddF(F a, F b) { return a + b; }
INLINE D AddD(D a, D b) { return a + b; }
INLINE F MulF(F a, F b) { return a * b; }
INLINE F FmaF(F a, F b, F c) { return c + a * b; }
INLINE D FmaD(D a, D b, D c) { return c + a * b; }
INLINE F ReluF(F x) { return x < SetF(0) ? SetF(0) : x; }
INLINE F KeepWherePositive(F activation, F delta) { return activation > SetF(0) ? delta : SetF(0); }
INLINE D WidenD(const float* p) { return __builtin_convertvector(Load<HalfF>(p), D); }
INLINE double SumD(D x) { return x[0] + x[1]; }
INLINE float SumF(F x) { return (x[0] + x[2]) + (x[1] + x[3]); }
INLINE I RoundI(F x) {  // rounds half to even in the default rounding mode
  I out;
  for (std::size_t i = 0; i < kF; ++i) out[i] = static_cast<std::int32_t>(std::lrintf(x[i]));
  return out;
}
INLINE I LoadI(const std::int32_t* p) { return Load<I>(p); }
INLINE void StoreI(std::int32_t* p, I v) { std::memcpy(p, &v, sizeof v); }
INLINE I AddI(I a, I b) { return a + b; }

#include "client/train/cpu/kernels.inc"

}  // namespace

const Kernels& BaselineKernels() { return kKernels; }

}  // namespace veilsum::client::cpu
