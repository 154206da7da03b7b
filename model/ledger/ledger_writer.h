// Appends to a ledger what its rules admit. Says what the next leaf's bytes are; storing them
// durably, with whatever else changes in the same transaction, is the caller's. Pure.
#pragma once

#include <memory>

#include "base/tlog/checkpoint.h"
#include "base/tlog/merkle.h"
#include "model/ledger/ledger_rules.h"

namespace veilsum::ledger {

// What an entry says, without the header that its place in the log gives it.
struct NewEntry {
  std::string type;
  std::string tenant = "*";
  std::string subject;
  Hash32 subject_sha256{};
  Json body = Json::object();
  ByteArray<16> idem{};
  std::map<std::string, Hash32> hidden;
};

// Who writes, with what.
struct Author {
  std::string federation;
  std::string actor;  // SPIFFE URI
  std::shared_ptr<const Ed25519Signer> signer;
  Hash32 binary{}, config{};
  std::uint64_t term = 1;
};

class LedgerWriter {
 public:
  LedgerWriter(Author author, BlobReader blobs)
      : author_(std::move(author)), rules_(std::move(blobs)) {}

  // Takes in a stored leaf, in order. DataLoss: the rules find something in it.
  absl::Status Restore(ByteView leaf);
  // The next leaf. `time`: RFC 3339, milliseconds, UTC; an earlier one than the last entry's is
  // raised to that (I1). FailedPrecondition with the finding's code when the rules forbid it;
  // InvalidArgument of SignEntry. After an error only Drop makes the writer good again.
  absl::StatusOr<Bytes> Append(const NewEntry& entry, std::string time);
  // What is appended after Begin is gone after Drop and stays after Keep. Costs what is appended,
  // not what there is.
  void Begin();
  void Keep();
  void Drop();

  tlog::Checkpoint Head() const;  // origin: "<federation>/ledger"
  const LedgerRules& rules() const { return rules_; }

 private:
  absl::StatusOr<Bytes> Sign(const NewEntry& entry, std::string time) const;
  Author author_;
  LedgerRules rules_;
  tlog::Frontier tree_;
  std::optional<tlog::Frontier> tree_before_;  // between Begin and Keep or Drop
};

// The origin of a federation's ledger and the name of its key.
std::string LedgerOrigin(const std::string& federation);

}  // namespace veilsum::ledger
