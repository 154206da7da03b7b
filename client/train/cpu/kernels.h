// The engine's inner loops, once per instruction path. Row invariance (DP-07, SE-22): every output
// element of a row is one chain of operations in a fixed order that depends on the model's shape
// only, never on how many rows there are or where a row stands; widths are padded so that no tail
// has other instructions. Different paths may differ in the last bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace veilsum::client::cpu {

inline constexpr std::size_t kRowTile = 8;      // row counts are multiples of this
inline constexpr std::size_t kColumnTile = 16;  // widths are multiples of this
inline constexpr std::size_t kDepthTile = 8;    // depth of the weight sums is a multiple of this
// Weight sums of more rows are cut into chains of so many, each rounded and added apart (CutStep):
// at least kMaxRowsPerCustomer. With several rows a customer a micro-batch is one chain.
inline constexpr std::size_t kChainRows = 80;

// Matrices are row-major; `ld` is a leading dimension in elements. A packed matrix of depth x
// columns is cut into panels of `panel` columns (the last may be narrower), one after the other,
// each row-major: a tile's operands are then consecutive, whatever the width.
struct Kernels {
  std::string_view name;
  std::size_t panel;  // a multiple of kColumnTile
  // out[r][n] = start[n] + a[r][0] w[0][n] + a[r][1] w[1][n] + ..., fp32, in this order. w is
  // packed.
  void (*multiply)(std::size_t rows, std::size_t depth, std::size_t columns, const float* a,
                   std::size_t lda, const float* w, const float* start, float* out,
                   std::size_t ldo);
  // out[r] += w[index[r][0]] + w[index[r][1]] + ..., fp32, one after the other; a row of w has
  // `columns`.
  void (*add_rows)(std::size_t rows, std::size_t columns, const std::uint32_t* index,
                   std::size_t per_row, const float* w, float* out, std::size_t ldo);
  // out[r] += sum over i of weight[r][i] * w[index[r][i]], as add_rows.
  void (*add_weighted_rows)(std::size_t rows, std::size_t columns, const std::uint32_t* index,
                            const float* weight, std::size_t per_row, const float* w, float* out,
                            std::size_t ldo);
  // x <- max(0, x) * keep; a NaN stays. keep has x's shape, or is null: ones. squares (or null):
  // |x[r]|^2 summed in fp32.
  void (*relu)(std::size_t rows, std::size_t columns, const float* keep, float* x, std::size_t ld,
               float* squares);
  // delta <- activation > 0 ? delta * keep : 0, where keep has the activations' shape or is null;
  // squares as above.
  void (*relu_backward)(std::size_t rows, std::size_t columns, const float* activation,
                        std::size_t lda, const float* keep, float* delta, std::size_t ldd,
                        float* squares);
  // x[r] <- (x[r] - mean) inverse[r], inverse = 1 / sqrt(variance + epsilon), both over the
  // `count` columns where `real` is 1; elsewhere `real` and x are 0. A copy goes to `normal`.
  void (*normalise)(std::size_t rows, std::size_t columns, std::size_t count, const float* real,
                    float epsilon, float* x, std::size_t ld, float* normal, float* inverse);
  // delta <- inverse (delta - mean(delta) - normal mean(delta normal)), where `real` is 1; normal
  // has leading dimension ldd; squares as above.
  void (*normalise_backward)(std::size_t rows, std::size_t columns, std::size_t count,
                             const float* real, const float* normal, const float* inverse,
                             float* delta, std::size_t ldd, float* squares);
  void (*squares)(std::size_t rows, std::size_t columns, const float* x, std::size_t ld,
                  float* out);
  // norm[r] += upper bound of (offset[r] + |a_r|^2) |delta_r|^2, from `squares` of both.
  void (*add_norms)(std::size_t rows, std::size_t a_columns, std::size_t delta_columns,
                    const double* offset, const float* a, const float* delta, double* norm);
  // factor[r] = min(1, limit / (sqrt(norm[r]) (1 + 2^-20))), or exactly 0 where norm is not finite.
  void (*factors)(std::size_t rows, const double* norm, double limit, float* factor);
  // sum of x[i] y[i]: products of fp32 are exact in fp64, so only the sum rounds.
  double (*dot)(std::size_t columns, const float* x, const float* y);
  // delta[r] <- factor[r] delta[r] and bias[n] = sum over r of delta[r][n], fp32, in this order.
  // factor null: ones.
  void (*scale)(std::size_t rows, std::size_t columns, const float* factor, float* delta,
                std::size_t ldd, float* bias);
  // The rows' products a[0][k] e[0][n] + a[1][k] e[1][n] + ..., one fp32 chain in this order, are
  // added to the packed sum, or with `fresh` are it: as they are, or rounded half to even to the
  // grid of `grid` points a unit, which are added exactly. |product| * grid must be under 2^31.
  void (*accumulate)(std::size_t rows, std::size_t depth, std::size_t columns, const float* a,
                     std::size_t lda, const float* e, std::size_t lde, bool fresh, float* sum);
  void (*accumulate_grid)(std::size_t rows, std::size_t depth, std::size_t columns, const float* a,
                          std::size_t lda, const float* e, std::size_t lde, float grid, bool fresh,
                          std::int32_t* sum);
  // sum[i] += x[i], or round(grid * x[i]).
  void (*add)(std::size_t count, const float* x, float* sum);
  void (*add_grid)(std::size_t count, const float* x, float grid, std::int32_t* sum);
  // sum[index[r][i]] += weight[r][i] * e[r] for every r and i, or round(grid * that). weight null:
  // ones.
  void (*scatter)(std::size_t rows, std::size_t columns, const std::uint32_t* index,
                  const float* weight, std::size_t per_row, const float* e, std::size_t lde,
                  float* sum);
  void (*scatter_grid)(std::size_t rows, std::size_t columns, const std::uint32_t* index,
                       const float* weight, std::size_t per_row, const float* e, std::size_t lde,
                       float grid, std::int32_t* sum);
  // out[i] = round half to even of x[i] * scale; needs a power of two and |x[i] * scale| < 2^51
  // (CheckShape).
  void (*to_grid)(std::size_t count, const double* x, double scale, std::int64_t* out);
  // Packs w, depth x columns with leading dimension ld, or its transpose; widths are padded with
  // zeros to kColumnTile.
  void (*pack)(std::size_t depth, std::size_t columns, const float* w, std::size_t ld, float* out);
  void (*pack_transposed)(std::size_t depth, std::size_t columns, const float* w, std::size_t ld,
                          float* out);
  // The other way: the first `depth` rows of a packed sum of packed_depth x columns, with leading
  // dimension ld.
  void (*unpack)(std::size_t depth, std::size_t packed_depth, std::size_t columns,
                 const float* packed, double* out, std::size_t ld);
  void (*unpack_grid)(std::size_t depth, std::size_t packed_depth, std::size_t columns,
                      const std::int32_t* packed, std::int64_t* out, std::size_t ld);
  // Chains of multiply-adds in registers for `count` steps: the peak that a benchmark divides by.
  // Returns how many floating-point operations that were.
  double (*peak)(std::size_t count, float* out);
};

const Kernels& BaselineKernels();
const Kernels* Avx2Kernels();    // null where the CPU lacks AVX2 and FMA
const Kernels* Avx512Kernels();  // null where the CPU lacks AVX-512F, DQ, BW, VL
// The widest of them; the same one for the life of the process.
const Kernels& BestKernels();

inline constexpr std::size_t RoundUp(std::size_t n, std::size_t tile) {
  return (n + tile - 1) / tile * tile;
}
// Rows of a matrix start an odd number of cache lines apart, so that columns use every cache set.
inline constexpr std::size_t Leading(std::size_t width) {
  return RoundUp(width, 2 * kColumnTile) + kColumnTile;
}

}  // namespace veilsum::client::cpu
