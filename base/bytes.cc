#include "base/bytes.h"

#include <sodium.h>

#include "base/crypto/sha256.h"

namespace veilsum {

std::string HexEncode(ByteView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t b : bytes) {
    out.push_back(kDigits[b >> 4]);
    out.push_back(kDigits[b & 15]);
  }
  return out;
}

absl::StatusOr<Bytes> HexDecode(std::string_view hex) {
  if (hex.size() % 2 != 0)
    return InvalidArgument("hex text has %d digits, must be even", hex.size());
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  Bytes out(hex.size() / 2);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = digit(hex[2 * i]);
    const int low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0)
      return InvalidArgument("hex text has a character outside 0-9a-f at %d", 2 * i);
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return out;
}

std::string Base64UrlEncode(ByteView bytes) {
  constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string out(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), kVariant);
  out.pop_back();  // libsodium counts the terminating zero
  return out;
}

absl::StatusOr<Bytes> Base64UrlDecode(std::string_view text) {
  if (text.empty()) return Bytes();
  Bytes out(text.size());
  std::size_t size = 0;
  if (sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
    return InvalidArgument("not base64url text of %d characters", text.size());
  out.resize(size);
  return out;
}

Transcript::Transcript(std::string_view label) {
  AddText(label);
  AddU8(0);
}

Transcript& Transcript::Add(ByteView bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

Transcript& Transcript::AddU8(std::uint8_t value) {
  bytes_.push_back(value);
  return *this;
}

Transcript& Transcript::AddU16(std::uint16_t value) {
  return AddU8(value & 0xff).AddU8(value >> 8);
}

Transcript& Transcript::AddU32(std::uint32_t value) {
  return AddU16(value & 0xffff).AddU16(value >> 16);
}

Transcript& Transcript::AddU64(std::uint64_t value) {
  return AddU32(value & 0xffffffff).AddU32(value >> 32);
}

Hash32 Transcript::Sha256() const { return veilsum::Sha256(bytes_); }

}  // namespace veilsum
