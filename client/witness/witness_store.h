// What this merchant has witnessed: of each ledger the largest head that it has seen, and a signed
// receipt for every batch of rounds that it was allowed to take part in. One SQLite file,
// synchronous=FULL, apart from everything a coordinator keeps.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/crypto/ed25519.h"
#include "base/sqlite/database.h"
#include "base/tlog/witness.h"

namespace veilsum::client {

struct KnownLog {
  std::string log_key;           // verifier key; fixed when the ledger is first seen
  std::string actor;             // SPIFFE URI of the coordinator that begun it
  Ed25519PublicKey actor_key{};  // of its entries
  tlog::SeenHead head;           // the largest witnessed
  std::string note;              // its checkpoint as the log signed it
  Bytes cosignature;             // ours of it
};

struct StoredReceipt {
  Hash32 contract_hash{};
  std::uint64_t leaf = 0;  // of its rounds.opened
  std::string envelope;    // ledger::SignReceipt
};

// What was refused; the numbers are on disk.
enum class LedgerRefusal { kNoProof = 0, kRollback = 1, kFork = 2, kDisagreement = 3 };

// One thread.
class WitnessStore {
 public:
  // Opens or creates the file. Unavailable: another process of this merchant has it open. DataLoss:
  // corrupt. `vfs`: a registered SQLite VFS by name, for fault tests.
  static absl::StatusOr<std::unique_ptr<WitnessStore>> Open(const std::filesystem::path& file,
                                                            const char* vfs = nullptr);

  // Nullopt: never seen.
  absl::StatusOr<std::optional<KnownLog>> Load(const std::string& origin);
  // Durable when it returns, together: the head of `origin` becomes `log.head`, and the receipt is
  // kept. FailedPrecondition: a larger head is stored, or another log key.
  absl::Status Save(const std::string& origin, const KnownLog& log,
                    const std::optional<StoredReceipt>& receipt);
  absl::StatusOr<std::vector<StoredReceipt>> Receipts();  // by leaf
  absl::Status Count(LedgerRefusal refusal);
  absl::StatusOr<std::uint64_t> Counted(LedgerRefusal refusal);

 private:
  explicit WitnessStore(sqlite::Database db) : db_(std::move(db)) {}
  sqlite::Database db_;
};

}  // namespace veilsum::client
