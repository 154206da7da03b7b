// Ranges and case pairs are those of the Unicode Character Database, version 15 (blocks and
// UnicodeData.txt), for the scripts that words.h names.
#include "client/data/words.h"

#include <cstdint>

#include "client/data/utf8.h"

namespace veilsum::client {
namespace {

constexpr char32_t kSeparator = 0;   // ends a word
constexpr char32_t kIgnored = 1;     // as if it were not there
constexpr std::string_view kLatin =  // U+00C0 to U+017F without accents; ? keeps the letter
    "aaaaaa?ceeeeiiii?nooooo ouuuuy??aaaaaa?ceeeeiiii?nooooo ouuuuy?y"
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii??jjkk?llllllllllnnnnnnn??oooooo??rrrrrr"
    "ssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
static_assert(kLatin.size() == 0x180 - 0xc0);

bool In(char32_t c, char32_t first, char32_t last) { return c >= first && c <= last; }

char32_t FoldLatin(char32_t c) {
  const char base = kLatin[c - 0xc0];
  if (base == ' ') return kSeparator;
  if (base != '?') return static_cast<char32_t>(base);
  if (In(c, 0xc0, 0xde)) return c + 32;
  return c == 0x132 || c == 0x14a || c == 0x152 ? c + 1 : c;
}

char32_t FoldGreek(char32_t c) {
  if (In(c, 0x391, 0x3ab)) return c + 32;
  switch (c) {
    case 0x386:
      return 0x3ac;
    case 0x388:
    case 0x389:
    case 0x38a:
      return c + 37;
    case 0x38c:
      return 0x3cc;
    case 0x38e:
    case 0x38f:
      return c + 63;
    case 0x3c2:  // final sigma
      return 0x3c3;
    default:
      return c == 0x37e || c == 0x387 ? kSeparator : c;
  }
}

char32_t FoldCyrillic(char32_t c) {
  if (In(c, 0x400, 0x40f)) return c + 80;
  if (In(c, 0x410, 0x42f)) return c + 32;
  if (c == 0x482) return kSeparator;
  if (In(c, 0x483, 0x489)) return kIgnored;
  if (c == 0x4c0) return 0x4cf;
  if (In(c, 0x4c1, 0x4ce)) return c % 2 == 1 ? c + 1 : c;
  return c >= 0x460 && c % 2 == 0 ? c + 1 : c;
}

// A letter or digit of a word, in lower case, or one of the two above.
char32_t Fold(char32_t c) {
  if (c < 0x80) {
    if (In(c, 'A', 'Z')) return c + 32;
    return In(c, 'a', 'z') || In(c, '0', '9') ? c : kSeparator;
  }
  if (c == 0xad || In(c, 0x300, 0x36f) || In(c, 0x200b, 0x200d) || c == 0x2060 || c == 0xfeff ||
      In(c, 0xfe00, 0xfe0f) || In(c, 0x20d0, 0x20ff))
    return kIgnored;
  if (c < 0xc0) return c == 0xaa ? 'a' : c == 0xba ? 'o' : c == 0xb5 ? 0x3bc : kSeparator;
  if (c < 0x180) return FoldLatin(c);
  if (In(c, 0x370, 0x3ff)) return FoldGreek(c);
  if (In(c, 0x400, 0x52f)) return FoldCyrillic(c);
  if (In(c, 0x531, 0x556)) return c + 48;
  if (In(c, 0x1e00, 0x1e95) || In(c, 0x1ea0, 0x1eff)) return c | 1;
  if (In(c, 0xff01, 0xff5e)) return Fold(c - 0xfee0);
  if (c == 0x3005 || c == 0x3006 || c == 0x3007) return c;
  const bool separates = In(c, 0x55a, 0x55f) || c == 0x589 || c == 0x5be || c == 0x60c ||
                         c == 0x61b || c == 0x61f || c == 0x6d4 || In(c, 0x964, 0x965) ||
                         In(c, 0x2000, 0x20cf) || In(c, 0x2100, 0x25ff) || In(c, 0x27c0, 0x2bff) ||
                         In(c, 0x2e00, 0x2e7f) || In(c, 0x3000, 0x303f) || In(c, 0xe000, 0xf8ff) ||
                         In(c, 0xfe10, 0xfe6f) || In(c, 0xff5f, 0xff65) || In(c, 0xffe0, 0xffff);
  return separates ? kSeparator : c;
}

bool IsWordAlone(char32_t c) {
  return In(c, 0x2600, 0x27bf) || In(c, 0x3005, 0x3007) || In(c, 0x3041, 0x30ff) ||
         In(c, 0x3400, 0x4dbf) || In(c, 0x4e00, 0x9fff) || In(c, 0xf900, 0xfaff) ||
         In(c, 0x1f000, 0x1faff) || In(c, 0x20000, 0x3ffff);
}

}  // namespace

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  bool open = false;  // whether the last word goes on
  std::size_t at = 0;
  while (at < text.size()) {
    const char32_t c = NextCodePoint(text, at);
    if (c == kNotUtf8) return words;
    const char32_t folded = Fold(c);
    if (folded == kIgnored) continue;
    if (folded == kSeparator) {
      open = false;
      continue;
    }
    const bool alone = IsWordAlone(folded);
    if (!open || alone) words.emplace_back();
    AppendUtf8(folded, words.back());
    open = !alone;
  }
  return words;
}

}  // namespace veilsum::client
