// The ledger's tables in the coordinator's database. The caller holds the store's lock, and the
// transaction that writes belong to.
#pragma once

#include "coordinator/store/ledger_shelf.h"
#include "coordinator/store/sql_database.h"

namespace veilsum::coordinator {

class SqlLedgerShelf final : public LedgerShelf {
 public:
  explicit SqlLedgerShelf(SqlDatabase& db) : db_(db) {}

  absl::StatusOr<Hash32> Read(int level, std::uint64_t index) override;
  absl::StatusOr<std::uint64_t> Count() override;
  absl::StatusOr<Bytes> Leaf(std::uint64_t index) override;
  absl::StatusOr<std::uint64_t> Find(const std::string& name) override;
  absl::StatusOr<std::string> Blob(const Hash32& sha256) override;
  absl::StatusOr<std::vector<Hash32>> Blobs() override;
  absl::StatusOr<std::string> Head() override;
  absl::StatusOr<std::vector<StoredCosignature>> Cosignatures(std::uint64_t size) override;
  absl::Status AddLeaf(std::uint64_t index, const std::string& name, ByteView leaf) override;
  absl::Status AddHash(int level, std::uint64_t index, const Hash32& hash) override;
  absl::Status AddBlob(const Hash32& sha256, const std::string& text) override;
  absl::Status SetHead(const std::string& note) override;
  absl::Status SetCosignature(const StoredCosignature& cosignature) override;
  absl::Status InTransaction(const std::function<absl::Status()>& writes) override;
  void Drop() override { ahead_.clear(); }

 private:
  SqlDatabase& db_;
  // Leaves that were read with the one before them: whoever reads all of a ledger asks for each.
  std::vector<Bytes> ahead_;
  std::uint64_t ahead_first_ = 0;
};

}  // namespace veilsum::coordinator
