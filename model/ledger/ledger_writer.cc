#include "model/ledger/ledger_writer.h"

#include <algorithm>
#include <utility>

namespace veilsum::ledger {

namespace {

absl::Status Refusal(const NewEntry& entry, const std::vector<Finding>& findings) {
  if (findings.empty()) return absl::OkStatus();
  return FailedPrecondition("%s: %s: %s", entry.type, findings.front().code,
                            findings.front().details);
}

}  // namespace

std::string LedgerOrigin(const std::string& federation) { return federation + "/ledger"; }

absl::Status LedgerWriter::Restore(ByteView leaf) {
  const std::uint64_t index = rules_.size();
  const std::vector<Finding> findings = rules_.Apply(leaf);
  if (!findings.empty())
    return DataLoss("ledger: entry %d: %s: %s", index, findings.front().code,
                    findings.front().details);
  tree_.Append(rules_.last_leaf());
  return absl::OkStatus();
}

absl::StatusOr<Bytes> LedgerWriter::Sign(const NewEntry& entry, std::string time) const {
  Entry next;
  next.header.seq = rules_.size();
  next.header.prev = rules_.last_leaf();
  next.header.federation = author_.federation;
  next.header.tenant = entry.tenant;
  next.header.actor = author_.actor;
  next.header.time = std::max(std::move(time), rules_.last_time());
  next.header.term = author_.term;
  next.header.binary = author_.binary;
  next.header.config = author_.config;
  next.header.idem = entry.idem;
  next.header.hidden = entry.hidden;
  next.type = entry.type;
  next.subject = entry.subject;
  next.subject_sha256 = entry.subject_sha256;
  next.body = entry.body;
  return SignEntry(next, *author_.signer);
}

absl::StatusOr<Bytes> LedgerWriter::Append(const NewEntry& entry, std::string time) {
  VEILSUM_ASSIGN_OR_RETURN(Bytes leaf, Sign(entry, std::move(time)));
  VEILSUM_RETURN_IF_ERROR(Refusal(entry, rules_.Apply(leaf)));
  tree_.Append(rules_.last_leaf());
  return leaf;
}

void LedgerWriter::Begin() {
  rules_.Begin();
  tree_before_ = tree_;
}

void LedgerWriter::Keep() {
  rules_.Keep();
  tree_before_.reset();
}

void LedgerWriter::Drop() {
  rules_.Drop();
  tree_ = *std::exchange(tree_before_, std::nullopt);
}

tlog::Checkpoint LedgerWriter::Head() const {
  return {LedgerOrigin(author_.federation), tree_.size(), tree_.Root()};
}

}  // namespace veilsum::ledger
