// What the rules' parts and the checks beside them share.
#pragma once

#include <cmath>

#include "base/pki/spiffe_id.h"
#include "base/rational.h"
#include "model/ledger/ledger_rules.h"

namespace veilsum::ledger {

// Of a client; empty for everybody else, a tenant's operator too.
inline std::string TenantOf(const std::string& seat) {
  const absl::StatusOr<SpiffeId> id = SpiffeId::Parse(seat);
  return id.ok() && id->role() == SpiffeRole::kClient ? id->tenant() : std::string();
}

// A coordinator or an operator: whoever may write more than a tenant's own words.
inline bool IsOperated(const std::string& actor) {
  const absl::StatusOr<SpiffeId> id = SpiffeId::Parse(actor);
  return id.ok() && (id->role() == SpiffeRole::kCoordinator || id->role() == SpiffeRole::kOperator);
}

// Reals of an entry are decimal strings; NaN where one is not.
inline double RealOf(const std::string& text) {
  const absl::StatusOr<Rational> value = Rational::Parse(text);
  return value.ok() ? value->ToDouble() : std::nan("");
}

inline std::string Message(const absl::Status& status) { return std::string(status.message()); }

// How to take back what is about to change in one of the rules' maps is remembered, for Drop.
template <class Map>
void LedgerRules::Set(Map LedgerRules::*map, const std::string& key,
                      typename Map::mapped_type value) {
  const auto [place, added] = (this->*map).try_emplace(key);
  if (before_ && added)
    before_->undo.push_back([map, key](LedgerRules& rules) { (rules.*map).erase(key); });
  if (before_ && !added)
    before_->undo.push_back(
        [map, key, old = place->second](LedgerRules& rules) { (rules.*map)[key] = old; });
  place->second = std::move(value);
}

}  // namespace veilsum::ledger
