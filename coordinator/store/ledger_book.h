// The ledger of a run store: takes in what a transaction changes, signs the head once, and shows
// entries with proofs. The leaves are the state; everything else is derived from them.
#pragma once

#include <mutex>

#include "coordinator/store/ledger_entries.h"
#include "coordinator/store/ledger_shelf.h"

namespace veilsum::coordinator {

// `mutex` is the store's: the functions of LedgerView take it, the others need it held.
class LedgerBook final : public LedgerView {
 public:
  // Reads all leaves of `shelf`, in one transaction of the caller with Stage's genesis when there
  // are none. `term`: of the lease that its writer has. DataLoss: they are not a ledger that these
  // options could have written. All must outlive it.
  static absl::StatusOr<std::unique_ptr<LedgerBook>> Restore(LedgerOptions options,
                                                             LedgerShelf& shelf, std::mutex& mutex,
                                                             std::uint64_t term = 1);

  // Appends the entries and the new head to the shelf. FailedPrecondition with a finding's code:
  // the rules forbid it. After an error nothing is staged.
  absl::Status Stage(const LedgerChange& change);
  void Keep();  // what is staged is durable
  void Drop();  // it is not
  const ledger::LedgerRules& rules() const { return writer_.rules(); }

  tlog::Checkpoint Head() override;
  absl::StatusOr<tlog::Note> SignedHead() override;
  absl::StatusOr<Bytes> Leaf(std::uint64_t index) override;
  absl::StatusOr<std::uint64_t> Find(const std::string& type, const std::string& subject) override;
  absl::StatusOr<ProvedLeaf> Prove(std::uint64_t index, std::uint64_t size) override;
  absl::StatusOr<tlog::Proof> ProveConsistency(std::uint64_t old_size, std::uint64_t size) override;
  absl::StatusOr<std::string> Blob(const Hash32& sha256) override;
  absl::StatusOr<std::vector<Hash32>> Blobs() override;
  void AddCosignature(std::uint64_t size, const tlog::VerifierKey& witness,
                      const tlog::NoteSignature& signature) override;
  absl::Status KeepCosignatures() override;

 private:
  LedgerBook(LedgerOptions options, LedgerShelf& shelf, std::mutex& mutex, tlog::VerifierKey key,
             std::uint64_t term);
  absl::Status ReadLeaves(std::uint64_t count);
  absl::Status CheckHead();
  absl::Status Append(const ledger::NewEntry& entry);
  absl::Status StageAll(const LedgerChange& change);
  absl::Status FlushCosignatures();

  LedgerOptions options_;
  LedgerShelf& shelf_;
  std::mutex& mutex_;
  tlog::VerifierKey key_;
  ledger::LedgerWriter writer_;
  bool staged_ = false;                                    // writer_ is ahead of what is durable
  std::map<std::string, StoredCosignature> cosignatures_;  // not stored yet
};

}  // namespace veilsum::coordinator
