// GF(2^8) by the CPU's own multiplication, whose polynomial is 0x11B too. Only this file's own
// functions are compiled for it, so the binary still starts on any x86-64.
#include "secure_agg/arith/gf256_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <sodium.h>

#include <cstring>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("gfni,avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("gfni,avx2")
#endif
#define INLINE [[gnu::always_inline]] inline

namespace veilsum::secure_agg {
namespace {

using V = __m256i;

INLINE V Load(const std::uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const V*>(p)); }
INLINE void Store(std::uint8_t* p, V v) { _mm256_storeu_si256(reinterpret_cast<V*>(p), v); }

// out[i] = a[i] * factor + b[i]; out may be a or b.
INLINE void MultiplyAndAdd(const std::uint8_t* a, std::uint8_t factor, const std::uint8_t* b,
                           std::size_t size, std::uint8_t* out) {
  const V x = _mm256_set1_epi8(static_cast<char>(factor));
  const auto product = [x](V left, V right) {
    return _mm256_xor_si256(_mm256_gf2p8mul_epi8(left, x), right);
  };
  std::size_t at = 0;
  for (; at + sizeof(V) <= size; at += sizeof(V))
    Store(out + at, product(Load(a + at), Load(b + at)));
  if (at < size) {
    std::uint8_t left[sizeof(V)] = {};
    std::uint8_t right[sizeof(V)] = {};
    std::memcpy(left, a + at, size - at);
    std::memcpy(right, b + at, size - at);
    Store(left, product(Load(left), Load(right)));
    std::memcpy(out + at, left, size - at);
    sodium_memzero(left, sizeof left);
    sodium_memzero(right, sizeof right);
  }
  _mm256_zeroall();  // shares and coefficients
}

void MultiplyAdd(std::uint8_t* accumulator, std::uint8_t factor, const std::uint8_t* addend,
                 std::size_t size) {
  MultiplyAndAdd(accumulator, factor, addend, size, accumulator);
}

void AddScaled(std::uint8_t* accumulator, std::uint8_t factor, const std::uint8_t* bytes,
               std::size_t size) {
  MultiplyAndAdd(bytes, factor, accumulator, size, accumulator);
}

}  // namespace
}  // namespace veilsum::secure_agg
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace veilsum::secure_agg {
const GfKernels* GfniKernels() {
  static constexpr GfKernels kKernels = {"gfni", &MultiplyAdd, &AddScaled};
  return __builtin_cpu_supports("gfni") && __builtin_cpu_supports("avx2") ? &kKernels : nullptr;
}
}  // namespace veilsum::secure_agg
#else
namespace veilsum::secure_agg {
const GfKernels* GfniKernels() { return nullptr; }
}  // namespace veilsum::secure_agg
#endif
