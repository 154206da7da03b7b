// What can be said of a leaf without the leaves before it, and takes longest: its hash, its parts,
// whether a key has signed it. Pure, so that many can be prepared at once; the rules then take them
// in one after the other (ledger_rules.h).
#pragma once

#include <map>
#include <optional>

#include "model/ledger/entry.h"

namespace veilsum::ledger {

using ActorKeys = std::map<std::string, Ed25519PublicKey>;  // by SPIFFE id

struct PreparedLeaf {
  Hash32 hash{};
  absl::StatusOr<SignedEntry> parsed = absl::UnknownError("");
  std::string code;  // of the finding, where `parsed` is an error
  // Of those that were handed in, the actor's key, and whether the signature is by it.
  std::optional<Ed25519PublicKey> tried;
  bool signed_by_it = false;

  // By `key`: answered already, or verified now. Only where `parsed` is an entry.
  bool IsSignedBy(const Ed25519PublicKey& key) const;
};

// `keys` as far as they are known: another one that an actor turns out to have costs a second
// verification, nothing else.
PreparedLeaf PrepareLeaf(ByteView leaf, const ActorKeys& keys = {});

}  // namespace veilsum::ledger
