// What only a tenant can check of a ledger. That a key is a seat's is the coordinator's word there
// (key.registered), and a client is shown the entries of its own rounds only: whoever registers one
// more key for a tenant can put words into its mouth.
#pragma once

#include <filesystem>
#include <set>

#include "model/ledger/log_check.h"

namespace veilsum::cli {

class SeatKeys final : public ledger::LogWatcher {
 public:
  // A signing certificate (PEM) of a seat. From then on each key registered for a seat of its
  // tenant must be that of one of the certificates. InvalidArgument: no client's signing
  // certificate.
  absl::Status Add(const std::filesystem::path& certificate);

  void OnEntry(std::uint64_t index, const Hash32& leaf, const ledger::LedgerRules& rules) override;

  const std::vector<ledger::Finding>& findings() const { return findings_; }
  const std::set<std::string>& tenants() const { return tenants_; }

 private:
  std::set<std::pair<std::string, std::string>> keys_;  // SPIFFE id, key in hex
  std::set<std::string> tenants_;
  std::vector<ledger::Finding> findings_;
};

}  // namespace veilsum::cli
