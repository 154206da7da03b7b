#include "coordinator/store/sqlite_ledger_shelf.h"

#include "coordinator/store/ledger_view.h"

namespace veilsum::coordinator {

using sqlite::Statement;

absl::StatusOr<bool> HasLedger(const std::filesystem::path& store) {
  if (!std::filesystem::exists(store)) return false;
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Database db, sqlite::Database::OpenReadOnly(store, 1'000'000));
  VEILSUM_ASSIGN_OR_RETURN(
      Statement select,
      db.Prepare("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'ledger'"));
  VEILSUM_RETURN_IF_ERROR(select.Step().status());
  return select.Int(0) != 0;
}

absl::StatusOr<Hash32> SqliteLedgerShelf::Read(int level, std::uint64_t index) {
  VEILSUM_ASSIGN_OR_RETURN(
      Statement select,
      db_.Prepare("SELECT hash FROM ledger_hashes WHERE level = ? AND number = ?"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found,
                           select.Bind(1, std::int64_t{level}).Bind(2, index).Step());
  if (!found) return NotFound("no hash %d of level %d", index, level);
  return ParseFixed<32>("hash", ByteView(select.Blob(0)));
}

absl::StatusOr<std::uint64_t> SqliteLedgerShelf::Count() {
  VEILSUM_ASSIGN_OR_RETURN(Statement select,
                           db_.Prepare("SELECT coalesce(max(leaf_index) + 1, 0) FROM ledger"));
  VEILSUM_RETURN_IF_ERROR(select.Step().status());
  return select.Unsigned(0);
}

absl::StatusOr<Bytes> SqliteLedgerShelf::Leaf(std::uint64_t index) {
  VEILSUM_ASSIGN_OR_RETURN(Statement select,
                           db_.Prepare("SELECT leaf FROM ledger WHERE leaf_index = ?"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, index).Step());
  if (!found) return NotFound("the ledger has no entry %d", index);
  return select.Blob(0);
}

absl::StatusOr<std::uint64_t> SqliteLedgerShelf::Find(const std::string& name) {
  VEILSUM_ASSIGN_OR_RETURN(
      Statement select,
      db_.Prepare("SELECT leaf_index FROM ledger WHERE name = ? ORDER BY leaf_index DESC LIMIT 1"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, name).Step());
  if (!found) return NotFound("the ledger has no %s", name);
  return select.Unsigned(0);
}

absl::StatusOr<std::string> SqliteLedgerShelf::Blob(const Hash32& sha256) {
  VEILSUM_ASSIGN_OR_RETURN(Statement select,
                           db_.Prepare("SELECT text FROM ledger_blobs WHERE sha256 = ?"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, ByteView(sha256)).Step());
  if (!found) return NotFound("no blob %s", HexEncode(sha256));
  return select.Text(0);
}

absl::StatusOr<std::vector<Hash32>> SqliteLedgerShelf::Blobs() {
  VEILSUM_ASSIGN_OR_RETURN(Statement select,
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

absl::StatusOr<std::string> SqliteLedgerShelf::Head() {
  VEILSUM_ASSIGN_OR_RETURN(Statement select, db_.Prepare("SELECT note FROM ledger_head"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Step());
  if (!found) return NotFound("the ledger has no head");
  return select.Text(0);
}

absl::StatusOr<std::vector<StoredCosignature>> SqliteLedgerShelf::Cosignatures(std::uint64_t size) {
  VEILSUM_ASSIGN_OR_RETURN(Statement select,
                           db_.Prepare("SELECT witness, signature FROM ledger_cosignatures "
                                       "WHERE size = ? ORDER BY witness"));
  select.Bind(1, size);
  std::vector<StoredCosignature> all;
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return all;
    all.push_back({size, select.Text(0), select.Blob(1)});
  }
}

absl::Status SqliteLedgerShelf::AddLeaf(std::uint64_t index, const std::string& name,
                                        ByteView leaf) {
  VEILSUM_ASSIGN_OR_RETURN(
      Statement insert, db_.Prepare("INSERT INTO ledger(leaf_index, name, leaf) VALUES(?, ?, ?)"));
  return insert.Bind(1, index).Bind(2, name).Bind(3, leaf).Run();
}

absl::Status SqliteLedgerShelf::AddHash(int level, std::uint64_t index, const Hash32& hash) {
  VEILSUM_ASSIGN_OR_RETURN(
      Statement insert,
      db_.Prepare("INSERT INTO ledger_hashes(level, number, hash) VALUES(?, ?, ?)"));
  return insert.Bind(1, std::int64_t{level}).Bind(2, index).Bind(3, ByteView(hash)).Run();
}

absl::Status SqliteLedgerShelf::AddBlob(const Hash32& sha256, const std::string& text) {
  VEILSUM_ASSIGN_OR_RETURN(
      Statement insert,
      db_.Prepare("INSERT OR IGNORE INTO ledger_blobs(sha256, text) VALUES(?, ?)"));
  return insert.Bind(1, ByteView(sha256)).Bind(2, text).Run();
}

absl::Status SqliteLedgerShelf::SetHead(const std::string& note) {
  VEILSUM_ASSIGN_OR_RETURN(
      Statement insert, db_.Prepare("INSERT OR REPLACE INTO ledger_head(id, note) VALUES(1, ?)"));
  return insert.Bind(1, note).Run();
}

absl::Status SqliteLedgerShelf::SetCosignature(const StoredCosignature& cosignature) {
  VEILSUM_ASSIGN_OR_RETURN(
      Statement insert,
      db_.Prepare("INSERT OR REPLACE INTO ledger_cosignatures(witness, size, signature) "
                  "VALUES(?, ?, ?)"));
  return insert.Bind(1, cosignature.witness)
      .Bind(2, cosignature.size)
      .Bind(3, ByteView(cosignature.signature))
      .Run();
}

}  // namespace veilsum::coordinator
