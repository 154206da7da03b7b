// AVX-512. Only this file's own functions are compiled for it, so the binary still starts on any
// x86-64.
#include "client/train/cpu/kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")
#define INLINE [[gnu::always_inline]] inline

namespace veilsum::client::cpu {
namespace {

constexpr std::string_view kName = "avx512";
using F = __m512;
using D = __m512d;
using I = __m512i;
constexpr std::size_t kF = 16, kD = 8, kGemmRows = 8, kGemmVectors = 2, kSumDepth = 8;

INLINE F LoadF(const float* p) { return _mm512_loadu_ps(p); }
INLINE void StoreF(float* p, F v) { _mm512_storeu_ps(p, v); }
INLINE F SetF(float x) { return _mm512_set1_ps(x); }
INLINE D SetD(double x) { return _mm512_set1_pd(x); }
INLINE F AddF(F a, F b) { return _mm512_add_ps(a, b); }
INLINE D AddD(D a, D b) { return _mm512_add_pd(a, b); }
INLINE F MulF(F a, F b) { return _mm512_mul_ps(a, b); }
INLINE F FmaF(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
INLINE D FmaD(D a, D b, D c) { return _mm512_fmadd_pd(a, b, c); }
INLINE F ReluF(F x) {
  return _mm512_max_ps(_mm512_setzero_ps(), x);
}  // the second operand wins when it is NaN
INLINE F KeepWherePositive(F activation, F delta) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(activation, _mm512_setzero_ps(), _CMP_GT_OQ),
                             delta);
}
INLINE D WidenD(const float* p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
INLINE double SumD(D x) { return _mm512_reduce_add_pd(x); }
INLINE float SumF(F x) { return _mm512_reduce_add_ps(x); }
INLINE I RoundI(F x) { return _mm512_cvtps_epi32(x); }
INLINE I LoadI(const std::int32_t* p) { return _mm512_loadu_si512(p); }
INLINE void StoreI(std::int32_t* p, I v) { _mm512_storeu_si512(p, v); }
INLINE I AddI(I a, I b) { return _mm512_add_epi32(a, b); }

#include "client/train/cpu/kernels.inc"

}  // namespace
}  // namespace veilsum::client::cpu
#pragma GCC pop_options

namespace veilsum::client::cpu {
const Kernels* Avx512Kernels() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                 __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")
             ? &kKernels
             : nullptr;
}
}  // namespace veilsum::client::cpu
#else
namespace veilsum::client::cpu {
const Kernels* Avx512Kernels() { return nullptr; }
}  // namespace veilsum::client::cpu
#endif
