// What a check of a ledger can find, each with a stable code: L log integrity, E entries, S order
// of events, P privacy accounting, K keys, C completeness, M models.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace veilsum::ledger {

struct FindingKind {
  std::string_view code;
  std::string_view title;
  std::string_view remedy;  // what whoever reads it should do
};

// All codes, ascending.
const std::vector<FindingKind>& FindingKinds();

struct Finding {
  std::string code;     // of a FindingKind
  std::uint64_t leaf;   // index of the entry it is about
  std::string details;  // field, value, bound
};

}  // namespace veilsum::ledger
