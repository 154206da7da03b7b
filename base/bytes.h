// Byte strings, their text forms, and the little-endian writer that every signed transcript is
// built with.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace veilsum {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
template <std::size_t N>
using ByteArray = std::array<std::uint8_t, N>;
using Hash32 = ByteArray<32>;  // a SHA-256 value

inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string HexEncode(ByteView bytes);  // lower case
absl::StatusOr<Bytes> HexDecode(
    std::string_view hex);  // InvalidArgument: odd length, or a digit not in 0-9a-f
std::string Base64UrlEncode(ByteView bytes);  // RFC 4648 section 5, without padding
absl::StatusOr<Bytes> Base64UrlDecode(std::string_view text);

// Copies exactly N bytes. InvalidArgument naming `field` when the length is another.
template <std::size_t N>
absl::StatusOr<ByteArray<N>> ParseFixed(std::string_view field, ByteView bytes) {
  if (bytes.size() != N)
    return InvalidArgument("%s has %d bytes, must have %d", field, bytes.size(), N);
  ByteArray<N> out;
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}
template <std::size_t N>
absl::StatusOr<ByteArray<N>> ParseFixed(std::string_view field, std::string_view bytes) {
  return ParseFixed<N>(field, AsBytes(bytes));
}

// Builds transcripts: an ASCII label followed by one zero byte, then fixed-width little-endian
// fields.
class Transcript {
 public:
  explicit Transcript(std::string_view label);
  Transcript& Add(ByteView bytes);
  Transcript& AddText(std::string_view text) { return Add(AsBytes(text)); }
  Transcript& AddU8(std::uint8_t value);
  Transcript& AddU16(std::uint16_t value);
  Transcript& AddU32(std::uint32_t value);
  Transcript& AddU64(std::uint64_t value);
  ByteView bytes() const { return bytes_; }
  Hash32 Sha256() const;

 private:
  Bytes bytes_;
};

}  // namespace veilsum
