// What a client keeps of each batch of rounds that it was charged for: which entry of which log
// opened them (SE-09, SE-10). A DSSE envelope by the client's key around an in-toto statement, so
// that it can be handed to an auditor. Pure.
#pragma once

#include "base/tlog/dsse.h"
#include "model/ledger/entry.h"

namespace veilsum::ledger {

struct Receipt {
  std::string actor;                  // SPIFFE URI of the client
  std::string contract_hash;          // hex
  std::uint64_t first = 0, last = 0;  // rounds charged
  std::uint64_t leaf = 0;             // index of the entry that opened them
  Hash32 leaf_sha256{};               // its leaf hash
  std::uint64_t size = 0;             // of the tree whose head the client held, > leaf
  Hash32 root_sha256{};               // of that head
  std::string time;                   // RFC 3339 with milliseconds, UTC
  friend bool operator==(const Receipt&, const Receipt&) = default;
};

// "receipts/<tenant>/<client>/<leaf>.json" has these bytes. InvalidArgument: a field has not its
// form.
absl::StatusOr<Bytes> SignReceipt(const Receipt& receipt, const Ed25519Signer& signer);

struct SignedReceipt {
  Receipt receipt;
  tlog::Envelope envelope;  // not verified
};
// InvalidArgument: any bytes that SignReceipt would not write.
absl::StatusOr<SignedReceipt> ParseReceipt(ByteView bytes);

}  // namespace veilsum::ledger
