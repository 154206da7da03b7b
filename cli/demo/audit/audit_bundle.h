// The evidence of a demo's ledger, in a folder that an auditor needs nothing else for
// (docs/formats.md). The coordinator gives the log; witnesses, receipts and the trust policy come
// from the merchants' own stores, and one local auditor cosigns (SE-25). Nothing may run any more.
#pragma once

#include <filesystem>
#include <optional>

#include "base/bytes.h"
#include "cli/demo/federation/federation.h"

namespace veilsum::cli {

struct FinalModel {
  Hash32 hash{};  // SE-18: as round.committed names it
  Bytes safetensors;
};

struct AuditFacts {
  std::uint64_t size = 0;
  std::string root;          // hex
  std::string finding;       // why the ledger does not verify; empty: it does
  std::size_t cosigned = 0;  // merchants that cosigned the last head
};

// Writes the bundle and verifies it as a stranger would, from its files alone. Errors: of the
// stores and of the file system.
absl::StatusOr<AuditFacts> WriteAuditBundle(const Federation& federation,
                                            const std::filesystem::path& folder,
                                            const std::optional<FinalModel>& model);

}  // namespace veilsum::cli
