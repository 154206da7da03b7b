// `veilsum-coordinator backup|restore|fsck`, and the running coordinator's part in a backup. A
// backup is a folder: coordinator.sqlite, records/ (what belongs to tenants), coordinator.toml, and
// manifest.json with the SHA-256 of each and the ledger's head. It holds no private key: a restored
// coordinator needs the ledger's key, its own and the issuer's from where those are kept.
#pragma once

#include <filesystem>

#include "base/exit_code.h"
#include "base/observe/log.h"
#include "coordinator/store/run_store.h"

namespace veilsum::coordinator {

// Makes the folder `out`, which must not be there. A coordinator that runs copies its own store
// between two transactions and is not stopped; the copy is then checked as `fsck` does.
ExitCode RunBackup(const std::filesystem::path& config_file, const std::filesystem::path& out);

// Checks the backup, then puts store and records where the configuration wants them. Refused when
// something is there already: an old copy over a newer store could be a mistake that nobody can
// take back. What was charged after the backup is not in it: merchants who have seen more refuse
// the restored ledger (LEDGER_ROLLBACK, LEDGER_FORK) and keep their own count of what is spent.
ExitCode RunRestore(const std::filesystem::path& config_file, const std::filesystem::path& from);

// kFindings: the store has faults, one line each.
ExitCode RunFsck(const std::filesystem::path& config_file);

// In the process that has the store: answers a request of RunBackup, if there is one.
void AnswerBackupRequest(const std::filesystem::path& store_file, RunStore& store, Log& log);

}  // namespace veilsum::coordinator
