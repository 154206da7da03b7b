// Whether entries of the ledger say what this merchant has approved. Pure: proofs are the caller's.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "model/ledger/entry.h"
#include "model/ledger/tenant_policy.h"

namespace veilsum::client {

struct OpenedRounds {
  std::uint64_t first = 0, last = 0;
  std::uint64_t leaf = 0;  // index of the entry
  Hash32 leaf_sha256{};    // its leaf hash
};

class EntryCheck {
 public:
  // Of a run that `seat` has approved, by its texts. `policy`: what its tenant allows, as it has
  // stated; none: it states nothing. InvalidArgument: they do not parse.
  static absl::StatusOr<EntryCheck> Create(const std::string& seat, const std::string& plan_json,
                                           const std::string& contract_json,
                                           const std::optional<ledger::TenantPolicy>& policy);

  // One entry, proved and signed. `names`: the blob that it names by digest. PermissionDenied: it
  // speaks of this run and says something else than what was approved, or its tenant's policy there
  // allows more than it has stated. Entries that speak of other
  // things are passed over.
  absl::Status Take(const ledger::Entry& entry, ByteView leaf, std::string_view names);
  // What the entries taken so far allow; none before policy, plan, reservation and rounds were all
  // seen.
  std::optional<OpenedRounds> opened() const;
  bool HasEnded(std::uint64_t round) const { return ended_.contains(round); }
  void ForgetEnds() { ended_.clear(); }
  const Hash32& contract_hash() const { return contract_hash_; }

 private:
  absl::Status TakePolicy(const ledger::Entry& entry);
  absl::Status TakeOpened(const ledger::Entry& entry, ByteView leaf, std::string_view names);

  std::string seat_, tenant_, name_;  // name: of the contract, in hex
  Hash32 contract_hash_{};
  Json plan_, reservation_;  // bodies that the ledger must have
  std::optional<ledger::TenantPolicy> policy_;
  bool policy_seen_ = false, plan_seen_ = false, reservation_seen_ = false;
  std::optional<OpenedRounds> opened_;
  std::set<std::uint64_t> ended_;
};

}  // namespace veilsum::client
