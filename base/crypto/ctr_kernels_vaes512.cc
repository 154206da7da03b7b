// VAES on 512-bit vectors, thirty-two blocks in flight and all round keys in registers. Only this
// file's own functions are compiled for it.
#include <cstring>

#include "base/crypto/aes256_schedule.h"
#include "base/crypto/vector_registers.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("vaes,avx512f,avx512bw"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("vaes,avx512f,avx512bw")
#endif
#define INLINE [[gnu::always_inline]] inline

namespace veilsum {
namespace {

using V = __m512i;

INLINE V Load(const std::uint8_t* p) { return _mm512_loadu_si512(p); }
INLINE void Store(std::uint8_t* p, V v) { _mm512_storeu_si512(p, v); }
INLINE V LoadKey(const std::uint8_t* p) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
INLINE V Add64(V a, V b) { return _mm512_add_epi64(a, b); }
INLINE V Counters(std::uint64_t i) {
  const long long first = static_cast<long long>(i);
  return Add64(_mm512_set_epi64(first, 0, first, 0, first, 0, first, 0),
               _mm512_set_epi64(3, 0, 2, 0, 1, 0, 0, 0));
}
INLINE V Everywhere(std::uint64_t i) {
  const long long block = static_cast<long long>(i);
  return _mm512_set_epi64(block, 0, block, 0, block, 0, block, 0);
}
INLINE V Step() { return _mm512_set_epi64(4, 0, 4, 0, 4, 0, 4, 0); }
INLINE V ToBigEndian(V v) {
  return _mm512_shuffle_epi8(
      v, _mm512_broadcast_i32x4(_mm_set_epi64x(0x08090a0b0c0d0e0f, 0x0001020304050607)));
}
INLINE V Xor(V a, V b) { return _mm512_xor_si512(a, b); }
INLINE V Round(V block, V key) { return _mm512_aesenc_epi128(block, key); }
INLINE V LastRound(V block, V key) { return _mm512_aesenclast_epi128(block, key); }
INLINE V Add16(V a, V b) { return _mm512_add_epi16(a, b); }
INLINE V Add32(V a, V b) { return _mm512_add_epi32(a, b); }
INLINE V Subtract16(V a, V b) { return _mm512_sub_epi16(a, b); }
INLINE V Subtract32(V a, V b) { return _mm512_sub_epi32(a, b); }
INLINE V Subtract64(V a, V b) { return _mm512_sub_epi64(a, b); }
INLINE void WipeRegisters() {
  VEILSUM_EACH_HIGH_REGISTER(VEILSUM_CLEAR_ZMM)
  _mm256_zeroall();  // registers 0 to 15, in their full width
}

#include "base/crypto/ctr_kernels.inc"

}  // namespace
}  // namespace veilsum
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace veilsum {
const CtrKernels* Vaes512CtrKernels() {
  static constexpr CtrKernels kKernels = {"vaes512", &StartAesNi, &Apply, &FinishAesNi};
  return CpuHasVaes() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 AesNiCtrKernels() != nullptr
             ? &kKernels
             : nullptr;
}
}  // namespace veilsum
#else
namespace veilsum {
const CtrKernels* Vaes512CtrKernels() { return nullptr; }
}  // namespace veilsum
#endif
