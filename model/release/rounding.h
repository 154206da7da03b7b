// Numbers of a matrix in fewer bits: IEEE half precision, or eight bits with one scale a column
// (symmetric, per output channel: Jacob et al. 2018, arXiv 1712.05877, section 2.1 with zero point
// 0).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace veilsum::release {

std::uint16_t ToHalf(float value);  // nearest, ties to even; beyond 65504: the largest finite one
float FromHalf(std::uint16_t half);

struct Int8Matrix {
  std::vector<std::int8_t> values;  // rows x columns
  std::vector<float> scales;        // columns; value = scale * integer
};
// `matrix`: rows x columns, row-major, finite. A column of zeros has scale 1.
Int8Matrix ToInt8(std::span<const float> matrix, std::size_t columns);

}  // namespace veilsum::release
