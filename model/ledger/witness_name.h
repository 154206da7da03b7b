// Under which name a seat cosigns its federation's ledger.
#pragma once

#include <string>

namespace veilsum::ledger {

// The seat's SPIFFE URI without "spiffe://".
inline std::string WitnessName(const std::string& seat) {
  constexpr std::string_view kScheme = "spiffe://";
  return seat.starts_with(kScheme) ? seat.substr(kScheme.size()) : seat;
}

}  // namespace veilsum::ledger
