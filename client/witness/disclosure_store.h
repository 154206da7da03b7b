// What a merchant has committed to in a ledger and keeps for itself: each hidden value with its
// salt. Whoever is shown both can check them against the entry (ledger::HiddenDigest); once they
// are erased here, nobody can, and the ledger's tree is what it was.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "base/secure_rng.h"
#include "base/sqlite/database.h"
#include "model/ledger/entry.h"

namespace veilsum::client {

struct Disclosure {
  std::string field;  // of the entry's header.hidden
  ByteArray<16> salt{};
  Json value;
};

// One thread.
class DisclosureStore {
 public:
  // Opens or creates the file, and finishes an erasure that a crash has interrupted. Unavailable:
  // another process has it open. DataLoss: corrupt.
  static absl::StatusOr<std::unique_ptr<DisclosureStore>> Open(const std::filesystem::path& file);

  // Draws a salt, keeps it with the value, durably, and returns what may be told of them.
  // InvalidArgument: canonical JSON cannot hold the value.
  absl::StatusOr<Hash32> Hide(const std::string& field, const Json& value, SecureRng& rng);
  // NotFound: never hidden here, or erased.
  absl::StatusOr<Disclosure> Disclose(const Hash32& digest);
  // Overwrites salt and value, here and in the file's log, and remembers the digest: asked again it
  // is OK. NotFound: there never was such a value.
  absl::Status Erase(const Hash32& digest);

 private:
  explicit DisclosureStore(sqlite::Database db) : db_(std::move(db)) {}
  sqlite::Database db_;
};

}  // namespace veilsum::client
