// AES-NI, eight blocks in flight. Only this file's own functions are compiled for it, so the binary
// still starts on any x86-64.
#include <sodium.h>

#include <cstring>

#include "base/crypto/aes256_schedule.h"
#include "base/crypto/vector_registers.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("aes,sse4.1"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("aes,sse4.1")
#endif
#define INLINE [[gnu::always_inline]] inline

namespace veilsum {
namespace {

using V = __m128i;

INLINE V Load(const std::uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const V*>(p)); }
INLINE void Store(std::uint8_t* p, V v) { _mm_storeu_si128(reinterpret_cast<V*>(p), v); }
INLINE V LoadKey(const std::uint8_t* p) { return Load(p); }
INLINE V Counters(std::uint64_t i) { return _mm_set_epi64x(static_cast<long long>(i), 0); }
INLINE V Everywhere(std::uint64_t i) { return Counters(i); }
INLINE V Step() { return _mm_set_epi64x(1, 0); }
INLINE V ToBigEndian(V v) {
  return _mm_shuffle_epi8(v, _mm_set_epi64x(0x08090a0b0c0d0e0f, 0x0001020304050607));
}
INLINE V Xor(V a, V b) { return _mm_xor_si128(a, b); }
INLINE V Round(V block, V key) { return _mm_aesenc_si128(block, key); }
INLINE V LastRound(V block, V key) { return _mm_aesenclast_si128(block, key); }
INLINE V Add16(V a, V b) { return _mm_add_epi16(a, b); }
INLINE V Add32(V a, V b) { return _mm_add_epi32(a, b); }
INLINE V Add64(V a, V b) { return _mm_add_epi64(a, b); }
INLINE V Subtract16(V a, V b) { return _mm_sub_epi16(a, b); }
INLINE V Subtract32(V a, V b) { return _mm_sub_epi32(a, b); }
INLINE V Subtract64(V a, V b) { return _mm_sub_epi64(a, b); }
INLINE void WipeRegisters() { VEILSUM_EACH_LOW_REGISTER(VEILSUM_CLEAR_XMM) }

#include "base/crypto/ctr_kernels.inc"

// FIPS 197 section 5.2 with Nk = 8: every new word is the XOR of the word eight back and a function
// of the last one. `sum` holds four words; XORed with itself shifted, each becomes the prefix XOR.
INLINE V PrefixXor(V sum) {
  sum = Xor(sum, _mm_slli_si128(sum, 4));
  return Xor(sum, _mm_slli_si128(sum, 8));
}

// The two round keys after (even, odd): the first takes RotWord, SubWord and the round constant of
// the last word, the second SubWord alone.
template <int kConstant>
INLINE void NextKeys(V& even, V& odd) {
  even = Xor(PrefixXor(even), _mm_shuffle_epi32(_mm_aeskeygenassist_si128(odd, kConstant), 0xff));
  odd = Xor(PrefixXor(odd), _mm_shuffle_epi32(_mm_aeskeygenassist_si128(even, 0), 0xaa));
}

[[gnu::noinline]] void Expand(CtrState& state, const std::uint8_t* key) {
  V even = Load(key);
  V odd = Load(key + 16);
  Store(state.round_keys[0], even);
  Store(state.round_keys[1], odd);
  const auto keep = [&](int round) {
    Store(state.round_keys[round], even);
    if (round < kRounds) Store(state.round_keys[round + 1], odd);
  };
  NextKeys<0x01>(even, odd);
  keep(2);
  NextKeys<0x02>(even, odd);
  keep(4);
  NextKeys<0x04>(even, odd);
  keep(6);
  NextKeys<0x08>(even, odd);
  keep(8);
  NextKeys<0x10>(even, odd);
  keep(10);
  NextKeys<0x20>(even, odd);
  keep(12);
  NextKeys<0x40>(even, odd);
  keep(14);
}

}  // namespace

void StartAesNi(CtrState& state, const std::uint8_t* key) {
  Expand(state, key);
  WipeRegisters();
  WipeStack();
}

void FinishAesNi(CtrState& state) { sodium_memzero(state.round_keys, sizeof state.round_keys); }

}  // namespace veilsum
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace veilsum {

// By the bit itself: not every compiler's __builtin_cpu_supports knows this feature.
bool CpuHasVaes() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ecx & 1u << 9) != 0;
}

const CtrKernels* AesNiCtrKernels() {
  static constexpr CtrKernels kKernels = {"aesni", &StartAesNi, &Apply, &FinishAesNi};
  return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1") ? &kKernels : nullptr;
}
}  // namespace veilsum
#else
namespace veilsum {
const CtrKernels* AesNiCtrKernels() { return nullptr; }
}  // namespace veilsum
#endif
