#include "coordinator/store/sql_ledger_shelf.h"

namespace veilsum::coordinator {

absl::StatusOr<Hash32> SqlLedgerShelf::Read(int level, std::uint64_t index) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement select,
      db_.Prepare("SELECT hash FROM ledger_hashes WHERE level = $1 AND number = $2"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found,
                           select.Bind(1, std::int64_t{level}).Bind(2, index).Step());
  if (!found) return NotFound("no hash %d of level %d", index, level);
  return ParseFixed<32>("hash", ByteView(select.Blob(0)));
}

absl::StatusOr<std::uint64_t> SqlLedgerShelf::Count() {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select,
                           db_.Prepare("SELECT coalesce(max(leaf_index) + 1, 0) FROM ledger"));
  VEILSUM_RETURN_IF_ERROR(select.Step().status());
  return select.Unsigned(0);
}

absl::StatusOr<Bytes> SqlLedgerShelf::Leaf(std::uint64_t index) {
  constexpr std::uint64_t kAhead = 64;
  const std::uint64_t next = ahead_first_ + ahead_.size();
  if (index >= ahead_first_ && index < next) return ahead_[index - ahead_first_];
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select,
                           db_.Prepare("SELECT leaf_index, leaf FROM ledger WHERE leaf_index >= $1 "
                                       "ORDER BY leaf_index LIMIT $2"));
  select.Bind(1, index).Bind(2, index == next ? kAhead : std::uint64_t{1});
  ahead_.clear();
  ahead_first_ = index;
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row || select.Unsigned(0) != index + ahead_.size()) break;
    ahead_.push_back(select.Blob(1));
  }
  if (ahead_.empty()) return NotFound("the ledger has no entry %d", index);
  return ahead_.front();
}

absl::StatusOr<std::uint64_t> SqlLedgerShelf::Find(const std::string& name) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement select,
      db_.Prepare(
          "SELECT leaf_index FROM ledger WHERE name = $1 ORDER BY leaf_index DESC LIMIT 1"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, name).Step());
  if (!found) return NotFound("the ledger has no %s", name);
  return select.Unsigned(0);
}

absl::StatusOr<std::string> SqlLedgerShelf::Blob(const Hash32& sha256) {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select,
                           db_.Prepare("SELECT text FROM ledger_blobs WHERE sha256 = $1"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, ByteView(sha256)).Step());
  if (!found) return NotFound("no blob %s", HexEncode(sha256));
  return select.Text(0);
}

absl::StatusOr<std::vector<Hash32>> SqlLedgerShelf::Blobs() {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select,
                           db_.Prepare("SELECT sha256 FROM ledger_blobs ORDER BY sha256"));
  std::vector<Hash32> all;
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return all;
    VEILSUM_ASSIGN_OR_RETURN(const Hash32 sha256,
                             ParseFixed<32>("sha256", ByteView(select.Blob(0))));
    all.push_back(sha256);
  }
}

absl::StatusOr<std::string> SqlLedgerShelf::Head() {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select, db_.Prepare("SELECT note FROM ledger_head"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return NotFound("the ledger has no head");
  return select.Text(0);
}

absl::StatusOr<std::vector<StoredCosignature>> SqlLedgerShelf::Cosignatures(std::uint64_t size) {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select,
                           db_.Prepare("SELECT witness, signature FROM ledger_cosignatures "
                                       "WHERE size = $1 ORDER BY witness"));
  select.Bind(1, size);
  std::vector<StoredCosignature> all;
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return all;
    all.push_back({size, select.Text(0), select.Blob(1)});
  }
}

absl::Status SqlLedgerShelf::InTransaction(const std::function<absl::Status()>& writes) {
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  VEILSUM_RETURN_IF_ERROR(writes());
  return transaction.Commit();
}

absl::Status SqlLedgerShelf::AddLeaf(std::uint64_t index, const std::string& name, ByteView leaf) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement insert,
      db_.Prepare("INSERT INTO ledger(leaf_index, name, leaf) VALUES($1, $2, $3)"));
  return insert.Bind(1, index).Bind(2, name).Bind(3, leaf).Run();
}

absl::Status SqlLedgerShelf::AddHash(int level, std::uint64_t index, const Hash32& hash) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement insert,
      db_.Prepare("INSERT INTO ledger_hashes(level, number, hash) VALUES($1, $2, $3)"));
  return insert.Bind(1, std::int64_t{level}).Bind(2, index).Bind(3, ByteView(hash)).Run();
}

absl::Status SqlLedgerShelf::AddBlob(const Hash32& sha256, const std::string& text) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement insert,
      db_.Prepare("INSERT INTO ledger_blobs(sha256, text) VALUES($1, $2) ON CONFLICT DO NOTHING"));
  return insert.Bind(1, ByteView(sha256)).Bind(2, text).Run();
}

absl::Status SqlLedgerShelf::SetHead(const std::string& note) {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement insert,
                           db_.Prepare("INSERT INTO ledger_head(id, note) VALUES(1, $1) "
                                       "ON CONFLICT(id) DO UPDATE SET note = excluded.note"));
  return insert.Bind(1, note).Run();
}

absl::Status SqlLedgerShelf::SetCosignature(const StoredCosignature& cosignature) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement insert,
      db_.Prepare("INSERT INTO ledger_cosignatures(witness, size, signature) VALUES($1, $2, $3) "
                  "ON CONFLICT(witness) DO UPDATE SET size = excluded.size, signature = "
                  "excluded.signature"));
  return insert.Bind(1, cosignature.witness)
      .Bind(2, cosignature.size)
      .Bind(3, ByteView(cosignature.signature))
      .Run();
}

}  // namespace veilsum::coordinator
