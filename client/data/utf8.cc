#include "client/data/utf8.h"

#include <cstddef>
#include <cstdint>

namespace veilsum::client {
namespace {

// Bytes of the sequence that starts with `lead`, 0 when none does; the second byte must be
// low..high.
int SequenceLength(std::uint8_t lead, std::uint8_t& low, std::uint8_t& high) {
  low = 0x80;
  high = 0xbf;
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) {
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
    return 3;
  }
  if (lead > 0xf4) return 0;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;
  return 4;
}

}  // namespace

char32_t NextCodePoint(std::string_view text, std::size_t& at) {
  std::uint8_t low, high;
  const auto lead = static_cast<std::uint8_t>(text[at]);
  const int length = SequenceLength(lead, low, high);
  if (length == 0 || text.size() - at < static_cast<std::size_t>(length)) return kNotUtf8;
  constexpr char32_t kLeadBits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  char32_t c = lead & kLeadBits[length];
  for (int k = 1; k < length; ++k) {
    const auto byte = static_cast<std::uint8_t>(text[at + static_cast<std::size_t>(k)]);
    if (byte < (k == 1 ? low : 0x80) || byte > (k == 1 ? high : 0xbf)) return kNotUtf8;
    c = c << 6 | (byte & 0x3f);
  }
  at += static_cast<std::size_t>(length);
  return c;
}

void AppendUtf8(char32_t c, std::string& to) {
  const auto put = [&](char32_t byte) { to.push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      put(0xe0 | c >> 12);
    } else {
      put(0xf0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3f));
    }
    put(0x80 | (c >> 6 & 0x3f));
  }
  put(0x80 | (c & 0x3f));
}

bool IsUtf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();)
    if (NextCodePoint(text, at) == kNotUtf8) return false;
  return true;
}

}  // namespace veilsum::client
