#include "client/witness/witness_store.h"

namespace veilsum::client {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

constexpr sqlite::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE logs(
  origin TEXT PRIMARY KEY,
  log_key TEXT NOT NULL,
  actor TEXT NOT NULL,
  actor_key BLOB NOT NULL CHECK(length(actor_key) = 32),
  size INTEGER NOT NULL CHECK(size >= 1),
  root BLOB NOT NULL CHECK(length(root) = 32),
  note TEXT NOT NULL,
  cosignature BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE receipts(
  contract BLOB NOT NULL CHECK(length(contract) = 32),
  leaf INTEGER NOT NULL,
  envelope TEXT NOT NULL,
  PRIMARY KEY(leaf, contract)
) STRICT, WITHOUT ROWID;
CREATE TABLE refusals(
  kind INTEGER PRIMARY KEY,
  count INTEGER NOT NULL
) STRICT;
)sql"}};

}  // namespace

absl::StatusOr<std::unique_ptr<WitnessStore>> WitnessStore::Open(const std::filesystem::path& file,
                                                                 const char* vfs) {
  Database::Options options;
  options.exclusive = true;
  options.vfs = vfs;
  VEILSUM_ASSIGN_OR_RETURN(Database db, Database::Open(file, options));
  VEILSUM_RETURN_IF_ERROR(db.Migrate(kMigrations));
  return std::unique_ptr<WitnessStore>(new WitnessStore(std::move(db)));
}

absl::StatusOr<std::optional<KnownLog>> WitnessStore::Load(const std::string& origin) {
  VEILSUM_ASSIGN_OR_RETURN(Statement select,
                           db_.Prepare("SELECT log_key, actor, actor_key, size, root, note, "
                                       "cosignature FROM logs WHERE origin = ?"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, origin).Step());
  if (!found) return std::optional<KnownLog>();
  KnownLog log;
  log.log_key = select.Text(0);
  log.actor = select.Text(1);
  VEILSUM_ASSIGN_OR_RETURN(log.actor_key, ParseFixed<32>("actor_key", ByteView(select.Blob(2))));
  log.head.size = select.Unsigned(3);
  VEILSUM_ASSIGN_OR_RETURN(log.head.root, ParseFixed<32>("root", ByteView(select.Blob(4))));
  log.note = select.Text(5);
  log.cosignature = select.Blob(6);
  return std::optional(std::move(log));
}

absl::Status WitnessStore::Save(const std::string& origin, const KnownLog& log,
                                const std::optional<StoredReceipt>& receipt) {
  VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
  VEILSUM_ASSIGN_OR_RETURN(const std::optional<KnownLog> known, Load(origin));
  if (known && (known->head.size > log.head.size || known->log_key != log.log_key))
    return FailedPrecondition("the head of %s is at size %d under %s", origin, known->head.size,
                              known->log_key);
  VEILSUM_ASSIGN_OR_RETURN(
      Statement insert,
      db_.Prepare(
          "INSERT OR REPLACE INTO logs(origin, log_key, actor, actor_key, size, root, note, "
          "cosignature) VALUES(?, ?, ?, ?, ?, ?, ?, ?)"));
  insert.Bind(1, origin).Bind(2, log.log_key).Bind(3, log.actor);
  insert.Bind(4, ByteView(log.actor_key)).Bind(5, log.head.size).Bind(6, ByteView(log.head.root));
  VEILSUM_RETURN_IF_ERROR(insert.Bind(7, log.note).Bind(8, ByteView(log.cosignature)).Run());
  if (receipt) {
    VEILSUM_ASSIGN_OR_RETURN(
        Statement keep,
        db_.Prepare("INSERT OR REPLACE INTO receipts(contract, leaf, envelope) VALUES(?, ?, ?)"));
    keep.Bind(1, ByteView(receipt->contract_hash)).Bind(2, receipt->leaf);
    VEILSUM_RETURN_IF_ERROR(keep.Bind(3, receipt->envelope).Run());
  }
  return transaction.Commit();
}

absl::StatusOr<std::vector<StoredReceipt>> WitnessStore::Receipts() {
  VEILSUM_ASSIGN_OR_RETURN(
      Statement select, db_.Prepare("SELECT contract, leaf, envelope FROM receipts ORDER BY leaf"));
  std::vector<StoredReceipt> all;
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return all;
    VEILSUM_ASSIGN_OR_RETURN(const Hash32 contract,
                             ParseFixed<32>("contract", ByteView(select.Blob(0))));
    all.push_back({contract, select.Unsigned(1), select.Text(2)});
  }
}

absl::Status WitnessStore::Count(LedgerRefusal refusal) {
  VEILSUM_ASSIGN_OR_RETURN(Statement add,
                           db_.Prepare("INSERT INTO refusals(kind, count) VALUES(?, 1) "
                                       "ON CONFLICT(kind) DO UPDATE SET count = count + 1"));
  return add.Bind(1, std::int64_t{static_cast<int>(refusal)}).Run();
}

absl::StatusOr<std::uint64_t> WitnessStore::Counted(LedgerRefusal refusal) {
  VEILSUM_ASSIGN_OR_RETURN(
      Statement select, db_.Prepare("SELECT coalesce(sum(count), 0) FROM refusals WHERE kind = ?"));
  VEILSUM_RETURN_IF_ERROR(select.Bind(1, std::int64_t{static_cast<int>(refusal)}).Step().status());
  return select.Unsigned(0);
}

}  // namespace veilsum::client
