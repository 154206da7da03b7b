// A merchant's signed receipt: that it was shown a batch of rounds as opened in the ledger, under
// which head (docs/formats.md, "Bundle"). A DSSE envelope by its signing key, which the ledger has
// registered, around an in-toto statement. Whoever holds it can prove that the ledger said so.
#pragma once

#include <chrono>
#include <string>

#include "base/tlog/checkpoint.h"

namespace veilsum::client {

struct Receipt {
  std::string federation;
  std::string actor;  // SPIFFE URI of the merchant's seat
  Hash32 contract_hash{};
  std::uint64_t first = 0, last = 0;  // rounds
  std::uint64_t leaf = 0;             // index of the rounds.opened
  Hash32 leaf_sha256{};               // its leaf hash
  tlog::Checkpoint head;              // that it was proved under
  std::chrono::system_clock::time_point time;
};

// The envelope's JSON; keyid is the actor.
std::string SignReceipt(const Receipt& receipt, const Ed25519Signer& signer);

}  // namespace veilsum::client
