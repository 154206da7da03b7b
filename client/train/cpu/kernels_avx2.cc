// AVX2 with FMA. Only this file's own functions are compiled for it, so the binary still starts on
// any x86-64.
#include "client/train/cpu/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx2,fma")
#define INLINE [[gnu::always_inline]] inline

namespace veilsum::client::cpu {
namespace {

constexpr std::string_view kName = "avx2";
using F = __m256;
using D = __m256d;
using I = __m256i;
constexpr std::size_t kF = 8, kD = 4, kGemmRows = 4, kGemmVectors = 2, kSumDepth = 4;

INLINE F LoadF(const float* p) { return _mm256_loadu_ps(p); }
INLINE void StoreF(float* p, F v) { _mm256_storeu_ps(p, v); }
INLINE F SetF(float x) { return _mm256_set1_ps(x); }
INLINE D SetD(double x) { return _mm256_set1_pd(x); }
INLINE F AddF(F a, F b) { return _mm256_add_ps(a, b); }
INLINE D AddD(D a, D b) { return _mm256_add_pd(a, b); }
INLINE F MulF(F a, F b) { return _mm256_mul_ps(a, b); }
INLINE F FmaF(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
INLINE D FmaD(D a, D b, D c) { return _mm256_fmadd_pd(a, b, c); }
INLINE F ReluF(F x) {
  return _mm256_max_ps(_mm256_setzero_ps(), x);
}  // the second operand wins when it is NaN
INLINE F KeepWherePositive(F activation, F delta) {
  return _mm256_and_ps(_mm256_cmp_ps(activation, _mm256_setzero_ps(), _CMP_GT_OQ), delta);
}
INLINE D WidenD(const float* p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
INLINE double SumD(D x) {
  const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
  return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}
INLINE float SumF(F x) {
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
INLINE I RoundI(F x) { return _mm256_cvtps_epi32(x); }
INLINE I LoadI(const std::int32_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
INLINE void StoreI(std::int32_t* p, I v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
INLINE I AddI(I a, I b) { return _mm256_add_epi32(a, b); }

#include "client/train/cpu/kernels.inc"

}  // namespace
}  // namespace veilsum::client::cpu
#pragma GCC pop_options

namespace veilsum::client::cpu {
const Kernels* Avx2Kernels() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kKernels : nullptr;
}
}  // namespace veilsum::client::cpu
#else
namespace veilsum::client::cpu {
const Kernels* Avx2Kernels() { return nullptr; }
}  // namespace veilsum::client::cpu
#endif
