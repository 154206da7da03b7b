// `veilsum ledger bundle`: the evidence of a federation's ledger as one folder for a stranger, from
// the coordinator's store and what merchants hand over (`veilsum-client evidence`).
#pragma once

#include <filesystem>
#include <vector>

#include "cli/support/outcome.h"

namespace veilsum::cli {

struct BundleParts {
  std::filesystem::path store, out;         // coordinator.sqlite or a backup's; a new folder
  std::vector<std::filesystem::path> from;  // folders of `veilsum-client evidence`
  std::filesystem::path trust;  // policy; empty: the ledger's key and a majority of the witnesses
};

// Writes the bundle and audits it from its files alone, as a stranger would; prints the audit's
// summary. kFindings, kIncomplete: the bundle is written, and what it lacks was printed.
Outcome MakeBundle(const BundleParts& parts);

}  // namespace veilsum::cli
