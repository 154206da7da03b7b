// Backups of all that a coordinator must not forget, and putting one back. A backup is a folder:
// coordinator.sqlite, records/ (what belongs to tenants), revoked.txt (certificates that are no
// longer accepted), coordinator.toml, and manifest.json with the SHA-256 of each and the ledger's
// head. It holds no private key: a restored coordinator needs the ledger's key, its own and the
// issuer's from where those are kept.
#pragma once

#include <optional>

#include "coordinator/store/run_store.h"
#include "coordinator/store/store_check.h"

namespace veilsum::coordinator {

// Where a coordinator has what belongs in a backup.
struct StorePlaces {
  std::filesystem::path store, config;
  std::filesystem::path records, revoked;  // empty: it has none
};

// Makes the folder `out`, which must not be there (AlreadyExists). A coordinator that runs is asked
// for a copy of its store and is not stopped: Unavailable when it does not answer. The copy is
// checked; with faults it is no backup, which a manifest says that is not there.
absl::StatusOr<StoreCheck> WriteBackup(const StorePlaces& places, const std::filesystem::path& out,
                                       std::string_view version);

// Checks the backup and puts store, records and revocations where they belong; with faults nothing
// is put anywhere. All is made beside its place and renamed into it, the store last: after a crash
// the same call brings it to its end. AlreadyExists: a store is there, or records that are not
// the backup's. Revocations that are there stay: they may be newer. DataLoss: not a whole backup.
absl::StatusOr<StoreCheck> RestoreBackup(const StorePlaces& places,
                                         const std::filesystem::path& from);

// In the process that has the store: answers a request of WriteBackup. Nothing: there was none.
std::optional<absl::Status> AnswerBackupRequest(const std::filesystem::path& store_file,
                                                RunStore& store);

}  // namespace veilsum::coordinator
