// The engine's inner loops, once per instruction path. Row invariance (DP-07, SE-22): every output
// element is one chain of operations in a fixed order that depends on the model's shape only, never
// on how many rows there are or where a row stands; widths are padded so that no tail has other
// instructions. Different paths may differ in the last bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace veilsum::client::cpu {

inline constexpr std::size_t kRowTile = 8;  // row counts are multiples of this
inline constexpr std::size_t kColumnTile =
    16;                                       // leading dimensions and widths are multiples of this
inline constexpr std::size_t kDepthTile = 8;  // depth of Accumulate is a multiple of this

// All matrices are row-major; `ld` is a leading dimension in elements.
struct Kernels {
  std::string_view name;
  // out[r][n] = start[n] + a[r][0] w[0][n] + a[r][1] w[1][n] + ..., fp32, in this order. w is depth
  // x columns.
  void (*multiply)(std::size_t rows, std::size_t depth, std::size_t columns, const float* a,
                   std::size_t ld, const float* w, const float* start, float* out);
  // out[r] += w[index[r][0]] + w[index[r][1]] + ..., fp32, one after the other; w has `columns` a
  // row.
  void (*add_rows)(std::size_t rows, std::size_t columns, const std::uint32_t* index,
                   std::size_t per_row, const float* w, float* out);
  // x <- max(0, x); a NaN stays.
  void (*relu)(std::size_t count, float* x);
  // delta <- activation > 0 ? delta : 0.
  void (*relu_backward)(std::size_t count, const float* activation, float* delta);
  // sum of x[i] y[i]: products of fp32 are exact in fp64, so only the sum rounds.
  double (*dot)(std::size_t columns, const float* x, const float* y);
  // out[r] = dot(x[r], x[r]); x has `columns` a row.
  void (*squares)(std::size_t rows, std::size_t columns, const float* x, double* out);
  // out[r][n] = mask[r] & (factor[r] * x[r][n]) in fp64; mask is all ones or all zeros.
  void (*widen)(std::size_t rows, std::size_t columns, const float* x, const double* factor,
                const std::uint64_t* mask, double* out, std::size_t ld);
  // sum[k][n] += a[0][k] e[0][n] + a[1][k] e[1][n] + ..., fp64, in this order. sum and e have
  // `columns` a row.
  void (*accumulate)(std::size_t rows, std::size_t depth, std::size_t columns, const double* a,
                     std::size_t ld, const double* e, double* sum);
  // sum[index[r][i]] += e[r] for every r and i, fp64.
  void (*scatter)(std::size_t rows, std::size_t columns, const std::uint32_t* index,
                  std::size_t per_row, const double* e, double* sum);
  // out[i] = round half to even of x[i] * scale; needs a power of two and |x[i] * scale| < 2^51
  // (CheckShape).
  void (*to_grid)(std::size_t count, const double* x, double scale, std::int64_t* out);
};

const Kernels& BaselineKernels();
const Kernels* Avx2Kernels();    // null where the CPU lacks AVX2 and FMA
const Kernels* Avx512Kernels();  // null where the CPU lacks AVX-512F, DQ, BW, VL
// The widest of them; the same one for the life of the process.
const Kernels& BestKernels();

inline constexpr std::size_t RoundUp(std::size_t n, std::size_t tile) {
  return (n + tile - 1) / tile * tile;
}

}  // namespace veilsum::client::cpu
