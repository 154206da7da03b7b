// Verifies a whole ledger from its files and a trust policy alone, without its writer: what an
// auditor does in steps 3 to 5 (signatures and quorum, tree, entries, order of events, privacy).
// Bundles are prepared a few at once, on as many threads as there are processors, and taken in in
// their order: memory grows with contracts, keys and rounds that are open. `files` is asked on the
// caller's thread only.
#pragma once

#include <functional>

#include "base/tlog/tile.h"
#include "base/tlog/trust_policy.h"
#include "model/ledger/ledger_rules.h"

namespace veilsum::ledger {

// Reads a file of the evidence by its path, as "checkpoint" or "tile/entries/000.p/7". NotFound:
// the evidence is incomplete. Any other error is a finding.
using FileReader = std::function<absl::StatusOr<Bytes>(const std::string& path)>;

struct LogCheck {
  tlog::Checkpoint head;
  std::vector<Finding> findings;     // in order of leaves, at most kMostFindings
  std::vector<std::string> missing;  // files without which the check is not complete
  LedgerRules rules;                 // the state after the last entry
  std::uint64_t entries = 0;         // that were taken in
  bool passed() const { return findings.empty() && missing.empty(); }
};
inline constexpr std::size_t kMostFindings = 1000;

// Sees a log go by while it is checked.
class LogWatcher {
 public:
  virtual ~LogWatcher() = default;
  // Entry `index`, whose hash is `leaf`, was taken in; rules.last_entry() is what it says.
  virtual void OnEntry(std::uint64_t index, const Hash32& leaf, const LedgerRules& rules) = 0;
  // The tree's root at a size for which WantsRoot is true; asked after the entry before it.
  virtual bool WantsRoot(std::uint64_t) { return false; }
  virtual void OnRoot(std::uint64_t, const Hash32&) {}
};

// `earlier`: checkpoints that somebody kept; the log must continue each of them. `watcher`: null,
// or must live as long as the call. Never fails: what is wrong is a finding, what is not there is
// missing. Nothing is read after something that is missing.
LogCheck CheckLog(const tlog::TrustPolicy& policy, const FileReader& files, BlobReader blobs,
                  const std::vector<tlog::Note>& earlier = {}, LogWatcher* watcher = nullptr);

}  // namespace veilsum::ledger
