#include "model/release/rounding.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace veilsum::release {

std::uint16_t ToHalf(float value) {
  constexpr float kLargest = 65504.0f;
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const float magnitude = std::min(std::abs(value), kLargest);
  // Below 2^-14 halves are multiples of 2^-24; above, of 2^(e - 10). nearbyint rounds ties to even.
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  const int step = std::max(exponent - 11, -24);
  const float rounded = std::ldexp(std::nearbyint(std::ldexp(magnitude, -step)), step);
  if (rounded < std::ldexp(1.0f, -14))
    return static_cast<std::uint16_t>(sign | static_cast<int>(std::ldexp(rounded, 24)));
  const auto bits = std::bit_cast<std::uint32_t>(rounded);
  return static_cast<std::uint16_t>(sign | ((bits >> 13) - (112u << 10)));
}

float FromHalf(std::uint16_t half) {
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  const float magnitude = exponent == 0
                              ? std::ldexp(static_cast<float>(fraction), -24)
                              : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
  return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

Int8Matrix ToInt8(std::span<const float> matrix, std::size_t columns) {
  constexpr float kLargest = 127.0f;
  Int8Matrix out{std::vector<std::int8_t>(matrix.size()), std::vector<float>(columns)};
  for (std::size_t i = 0; i < matrix.size(); ++i)
    out.scales[i % columns] = std::max(out.scales[i % columns], std::abs(matrix[i]));
  for (float& scale : out.scales) {
    scale /= kLargest;
    if (!(scale >= 1e-30f)) scale = 1;
  }
  for (std::size_t i = 0; i < matrix.size(); ++i)
    out.values[i] = static_cast<std::int8_t>(
        std::clamp(std::nearbyint(matrix[i] / out.scales[i % columns]), -kLargest, kLargest));
  return out;
}

}  // namespace veilsum::release
