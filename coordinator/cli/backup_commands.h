// `veilsum-coordinator backup|restore|fsck`, as coordinator/store/archive.h and store_check.h do
// them.
#pragma once

#include <filesystem>

#include "base/exit_code.h"

namespace veilsum::coordinator {

// kFindings: the copy has faults, one line each; it is no backup.
ExitCode RunBackup(const std::filesystem::path& config_file, const std::filesystem::path& out);

// Refused when a store is there already: an old copy over a newer store could be a mistake that
// nobody can take back. What was charged after the backup is not in it: merchants who have seen
// more refuse the restored ledger (LEDGER_ROLLBACK, LEDGER_FORK) and keep their own count of what
// is spent. kFindings: the backup has faults.
ExitCode RunRestore(const std::filesystem::path& config_file, const std::filesystem::path& from);

// kFindings: the store has faults, one line each.
ExitCode RunFsck(const std::filesystem::path& config_file);

}  // namespace veilsum::coordinator
