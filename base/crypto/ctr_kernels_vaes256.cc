// VAES on 256-bit vectors, sixteen blocks in flight: for CPUs with VAES and without AVX-512. Only
// this file's own functions are compiled for it.
#include <cstring>

#include "base/crypto/aes256_schedule.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("vaes,avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("vaes,avx2")
#endif
#define INLINE [[gnu::always_inline]] inline

namespace veilsum {
namespace {

using V = __m256i;

INLINE V Load(const std::uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const V*>(p)); }
INLINE void Store(std::uint8_t* p, V v) { _mm256_storeu_si256(reinterpret_cast<V*>(p), v); }
INLINE V LoadKey(const std::uint8_t* p) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
INLINE V Add64(V a, V b) { return _mm256_add_epi64(a, b); }
INLINE V Counters(std::uint64_t i) {
  const long long first = static_cast<long long>(i);
  return Add64(_mm256_set_epi64x(first, 0, first, 0), _mm256_set_epi64x(1, 0, 0, 0));
}
INLINE V Everywhere(std::uint64_t i) {
  const long long block = static_cast<long long>(i);
  return _mm256_set_epi64x(block, 0, block, 0);
}
INLINE V Step() { return _mm256_set_epi64x(2, 0, 2, 0); }
INLINE V ToBigEndian(V v) {
  return _mm256_shuffle_epi8(v, _mm256_set_epi64x(0x08090a0b0c0d0e0f, 0x0001020304050607,
                                                  0x08090a0b0c0d0e0f, 0x0001020304050607));
}
INLINE V Xor(V a, V b) { return _mm256_xor_si256(a, b); }
INLINE V Round(V block, V key) { return _mm256_aesenc_epi128(block, key); }
INLINE V LastRound(V block, V key) { return _mm256_aesenclast_epi128(block, key); }
INLINE V Add16(V a, V b) { return _mm256_add_epi16(a, b); }
INLINE V Add32(V a, V b) { return _mm256_add_epi32(a, b); }
INLINE V Subtract16(V a, V b) { return _mm256_sub_epi16(a, b); }
INLINE V Subtract32(V a, V b) { return _mm256_sub_epi32(a, b); }
INLINE V Subtract64(V a, V b) { return _mm256_sub_epi64(a, b); }
INLINE void WipeRegisters() { _mm256_zeroall(); }

#include "base/crypto/ctr_kernels.inc"

}  // namespace
}  // namespace veilsum
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace veilsum {
const CtrKernels* Vaes256CtrKernels() {
  static constexpr CtrKernels kKernels = {"vaes256", &StartAesNi, &Apply, &FinishAesNi};
  return CpuHasVaes() && __builtin_cpu_supports("avx2") && AesNiCtrKernels() != nullptr ? &kKernels
                                                                                        : nullptr;
}
}  // namespace veilsum
#else
namespace veilsum {
const CtrKernels* Vaes256CtrKernels() { return nullptr; }
}  // namespace veilsum
#endif
