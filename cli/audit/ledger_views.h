// A ledger as others want to see it: the story of one round, tables of entries, records for
// registers, and how two logs differ. All of entries and audits that were verified before.
#pragma once

#include <ostream>

#include "cli/audit/audit.h"

namespace veilsum::cli {

// What the ledger says about one round, collected while it is checked.
class RoundStory final : public ledger::LogWatcher {
 public:
  // `run`: a run id or the beginning of a contract hash; empty: every run.
  RoundStory(std::uint64_t round, std::string run) : round_(round), run_(std::move(run)) {}
  void OnEntry(std::uint64_t index, const Hash32& leaf, const ledger::LedgerRules& rules) override;
  bool empty() const { return lines_.empty(); }
  // One object a line of the story: leaf, time, type and what it says.
  Json ToJson() const { return lines_; }
  std::string ToText() const;

 private:
  const std::uint64_t round_;
  const std::string run_;
  Json lines_ = Json::array();
};

// One line for every entry: RFC 4180 with a header row. Texts that a spreadsheet would take for a
// formula get a quote in front.
class EntryTable final : public ledger::LogWatcher {
 public:
  explicit EntryTable(std::ostream& out);
  void OnEntry(std::uint64_t index, const Hash32& leaf, const ledger::LedgerRules& rules) override;

 private:
  std::ostream& out_;
};

// The last `count` entries of a bundle, one a line, under its head. Nothing is verified.
absl::StatusOr<std::string> LastEntries(const ledger::Bundle& bundle, std::uint64_t count);
// That entry `leaf` is in the log, as a file (c2sp.org/tlog-proof) that anybody checks with a trust
// policy alone. DataLoss: the entries are not those of the checkpoint; InvalidArgument: there is no
// such entry.
absl::StatusOr<std::string> ProveEntry(const ledger::Bundle& bundle, std::uint64_t leaf);

// A record for each run for the DP deployments registry of OpenDP: YAML documents. What only a
// person knows is marked so.
std::string RegistryYaml(const Audit& audit);
// The record of processing activities of each tenant (GDPR article 30), as far as a ledger knows
// it: JSON; what it does not know is listed under "to_be_completed".
std::string RecordsOfProcessing(const Audit& audit);

struct LogDifference {
  std::uint64_t size_a = 0, size_b = 0, common = 0;     // entries; of the common prefix
  std::map<std::string, std::uint64_t> only_a, only_b;  // entries by type after it
  bool forked() const { return common < size_a && common < size_b; }
};
// Of the entries of two bundles; nothing is verified. Errors of reading, NotFound included.
absl::StatusOr<LogDifference> CompareLogs(const ledger::Bundle& a, const ledger::Bundle& b);
std::string DifferenceText(const LogDifference& difference);

}  // namespace veilsum::cli
