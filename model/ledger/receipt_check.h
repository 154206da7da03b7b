// Step 6 of an audit: every receipt that a client kept names rounds that the ledger opened with it,
// in the log that the auditor has (SE-09). The other direction is counted: a charge without a
// receipt is a client that fell silent in between.
#pragma once

#include "model/ledger/bundle.h"
#include "model/ledger/receipt.h"

namespace veilsum::ledger {

// What one client's receipts cover.
struct SeatReceipts {
  std::uint64_t batches = 0;   // opened with it as a member
  std::uint64_t receipts = 0;  // of those, confirmed by a receipt
};

class ReceiptCheck final : public LogWatcher {
 public:
  // `folder`: of <tenant>/<client>/<leaf>.json, within a bundle ("receipts") or a bundle by itself
  // ("").
  struct Source {
    Bundle bundle;
    std::string folder;
  };
  explicit ReceiptCheck(std::vector<Source> sources);

  void OnEntry(std::uint64_t index, const Hash32& leaf, const LedgerRules& rules) override;
  bool WantsRoot(std::uint64_t size) override { return expected_.contains(size); }
  void OnRoot(std::uint64_t size, const Hash32& root) override;
  // After the last entry: receipts that none of them has called for.
  void Finish(std::uint64_t size);

  const std::vector<Finding>& findings() const { return findings_; }
  // Of every seat that was a member, or has receipts.
  const std::map<std::string, SeatReceipts>& seats() const { return seats_; }
  std::uint64_t confirmed() const { return confirmed_; }

 private:
  struct File {
    std::size_t source;
    std::string folder;  // of the client
    bool used = false;
  };
  void ListSource(std::size_t source);
  void ListClient(std::size_t source, const std::string& tenant, const std::string& client);
  void CheckReceipt(const std::string& path, const File& file, std::uint64_t index,
                    const Hash32& leaf, const std::string& seat, const LedgerRules& rules);
  absl::StatusOr<SignedReceipt> ReadReceipt(const std::string& path, const File& file) const;
  void Find(const char* code, std::uint64_t leaf, std::string details);

  std::vector<Source> sources_;
  // By "<tenant>/<client>", then by index of the leaf; the same receipt may be in several sources.
  std::map<std::string, std::multimap<std::uint64_t, File>> files_;
  // What receipts say about roots that the log has not come to yet, by size.
  std::multimap<std::uint64_t, std::pair<std::string, Hash32>> expected_;
  std::map<std::string, SeatReceipts> seats_;
  std::vector<Finding> findings_;
  std::uint64_t confirmed_ = 0;
};

}  // namespace veilsum::ledger
