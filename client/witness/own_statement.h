// What a merchant says of itself in its federation's ledger: made and signed here, handed as a file
// to whoever runs the coordinator (docs/formats.md, "statement").
#pragma once

#include <filesystem>

#include "client/policy/policy.h"
#include "client/witness/disclosure_store.h"
#include "model/ledger/tenant_statement.h"

namespace veilsum::client {

// Who says it, and when.
struct Speaker {
  std::string federation;  // trust domain
  std::string seat;        // SPIFFE URI
  std::string time;        // as Header::time
  const Ed25519Signer& signer;
  ByteView certificate;  // DER, of the signer's key
};

struct PolicyStatement {
  Json body;
  // The file has a block without an order: the odometer chooses one with the first run, so that
  // there is none to state yet.
  bool leaves_block_out = false;
};
// Of policy.set. InvalidArgument: no ledger would take the block.
absl::StatusOr<PolicyStatement> StatePolicy(const Policy& policy);

// A statement file. InvalidArgument: canonical JSON cannot hold the statement.
absl::StatusOr<std::string> SignedFile(const Speaker& speaker, const std::string& type, Json body,
                                       const std::map<std::string, Hash32>& hidden = {});

// Erases a hidden value for good and writes the statement that says so to `out`, once it is signed.
// After an error it may be asked again, with success where the value was erased already. NotFound:
// there never was such a value.
absl::Status EraseAndState(const Speaker& speaker, DisclosureStore& disclosures,
                           const Hash32& digest, const std::filesystem::path& out);

}  // namespace veilsum::client
