// How the entries of this room are begun.
#pragma once

#include <algorithm>

#include "model/ledger/ledger_writer.h"

namespace veilsum::coordinator {

inline ledger::NewEntry MakeEntry(std::string type, std::string subject,
                                  const Hash32& subject_sha256, Json body,
                                  std::string tenant = "*") {
  ledger::NewEntry entry;
  entry.type = std::move(type);
  entry.tenant = std::move(tenant);
  entry.subject = std::move(subject);
  entry.subject_sha256 = subject_sha256;
  entry.body = std::move(body);
  return entry;
}

// Of somebody's own wording: printable ASCII, at most 200 characters.
inline std::string PlainWords(std::string_view text) {
  constexpr std::size_t kMost = 200;
  std::string out(text.substr(0, kMost));
  std::ranges::replace_if(
      out, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

}  // namespace veilsum::coordinator
