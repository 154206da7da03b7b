// The loops over many bytes of GF(2^8), polynomial 0x11B, once per instruction path; exact, so all
// alike. Constant time in the bytes; the factors are public (SA-39). Internal to this folder, its
// tests and benchmarks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace veilsum::secure_agg {

struct GfKernels {
  std::string_view name;
  // accumulator[i] = accumulator[i] * factor + addend[i]
  void (*multiply_add)(std::uint8_t* accumulator, std::uint8_t factor, const std::uint8_t* addend,
                       std::size_t size);
  // accumulator[i] += factor * bytes[i]
  void (*add_scaled)(std::uint8_t* accumulator, std::uint8_t factor, const std::uint8_t* bytes,
                     std::size_t size);
};

const GfKernels& PortableGfKernels();
const GfKernels* GfniKernels();  // null where the CPU lacks GFNI and AVX2
// The faster of them; the CPU is asked once.
const GfKernels& BestGfKernels();

}  // namespace veilsum::secure_agg
