// The words of a text in any language, by public tables alone: nothing is learned from anybody's
// texts. docs/features.md has the rule and its limits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace veilsum::client {

// Words in order, in lower case, UTF-8. `text` is UTF-8 (IsUtf8); what is not ends the words.
//
// A word is a longest run of letters and digits. Case is folded for Latin, Greek, Cyrillic,
// Armenian and full-width letters; accents of Latin letters are dropped, written in one piece
// (U+00C0 to U+017F) or as combining marks. Every ideograph, kana and pictograph is a word of its
// own. Joiners, soft hyphens and variation selectors are ignored; everything else separates words.
std::vector<std::string> Words(std::string_view text);

}  // namespace veilsum::client
