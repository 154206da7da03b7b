// Verifies a whole ledger from its files and a trust policy alone, without its writer: what an
// auditor does in steps 1 to 5 (signatures and quorum, tree, entries, order of events, privacy).
// Bundles are read one at a time.
#pragma once

#include <functional>

#include "base/tlog/tile.h"
#include "base/tlog/trust_policy.h"
#include "model/ledger/ledger_rules.h"

namespace veilsum::ledger {

// Reads a file of the evidence by its path, as "checkpoint" or "tile/entries/000.p/7". NotFound:
// the evidence is incomplete.
using FileReader = std::function<absl::StatusOr<Bytes>(const std::string& path)>;

struct LogCheck {
  tlog::Checkpoint head;
  std::vector<Finding> findings;     // in order of leaves, at most kMostFindings
  std::vector<std::string> missing;  // files without which the check is not complete
  LedgerRules rules;                 // the state after the last entry
  bool passed() const { return findings.empty() && missing.empty(); }
};
inline constexpr std::size_t kMostFindings = 1000;

// `earlier`: checkpoints that somebody kept; the log must continue each of them. Never fails: what
// is wrong is a finding, what is not there is missing.
LogCheck CheckLog(const tlog::TrustPolicy& policy, const FileReader& files, BlobReader blobs,
                  const std::vector<tlog::Note>& earlier = {});

}  // namespace veilsum::ledger
