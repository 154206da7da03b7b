#include "client/witness/disclosure_store.h"

namespace veilsum::client {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

constexpr sqlite::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE disclosures(
  digest BLOB PRIMARY KEY CHECK(length(digest) = 32),
  field TEXT NOT NULL,
  salt BLOB NOT NULL CHECK(length(salt) = 16),
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql"},
                                             {2, R"sql(
CREATE TABLE erased(digest BLOB PRIMARY KEY CHECK(length(digest) = 32)) STRICT, WITHOUT ROWID;
)sql"}};

// The log of the database still has pages as they were: they are put in their place and the log is
// emptied.
absl::Status EmptyLog(Database& db) {
  VEILSUM_ASSIGN_OR_RETURN(Statement checkpoint, db.Prepare("PRAGMA wal_checkpoint(TRUNCATE)"));
  VEILSUM_ASSIGN_OR_RETURN(const bool answered, checkpoint.Step());
  if (!answered || checkpoint.Int(0) != 0)
    return Unavailable("the log of the disclosures cannot be emptied: somebody reads it");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<DisclosureStore>> DisclosureStore::Open(
    const std::filesystem::path& file) {
  Database::Options options;
  options.exclusive = true;
  VEILSUM_ASSIGN_OR_RETURN(Database db, Database::Open(file, options));
  VEILSUM_RETURN_IF_ERROR(db.Migrate(kMigrations));
  // What is deleted is overwritten with zeros, not only unlinked.
  VEILSUM_ASSIGN_OR_RETURN(Statement secure, db.Prepare("PRAGMA secure_delete = ON"));
  VEILSUM_RETURN_IF_ERROR(secure.Step().status());
  // After a crash in between, what was erased is still below the log.
  VEILSUM_RETURN_IF_ERROR(EmptyLog(db));
  return std::unique_ptr<DisclosureStore>(new DisclosureStore(std::move(db)));
}

absl::StatusOr<Hash32> DisclosureStore::Hide(const std::string& field, const Json& value,
                                             SecureRng& rng) {
  ByteArray<16> salt;
  rng.Fill(salt);
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, EncodeCanonical(value));
  VEILSUM_ASSIGN_OR_RETURN(const Hash32 digest, ledger::HiddenDigest(salt, value));
  VEILSUM_ASSIGN_OR_RETURN(
      Statement insert,
      db_.Prepare("INSERT INTO disclosures(digest, field, salt, value) VALUES(?, ?, ?, ?)"));
  insert.Bind(1, ByteView(digest)).Bind(2, field).Bind(3, ByteView(salt)).Bind(4, text);
  VEILSUM_RETURN_IF_ERROR(insert.Run());
  return digest;
}

absl::StatusOr<Disclosure> DisclosureStore::Disclose(const Hash32& digest) {
  VEILSUM_ASSIGN_OR_RETURN(
      Statement select, db_.Prepare("SELECT field, salt, value FROM disclosures WHERE digest = ?"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, ByteView(digest)).Step());
  if (!found) return NotFound("no hidden value %s is kept here", HexEncode(digest));
  Disclosure out;
  out.field = select.Text(0);
  VEILSUM_ASSIGN_OR_RETURN(out.salt, ParseFixed<16>("salt", ByteView(select.Blob(1))));
  VEILSUM_ASSIGN_OR_RETURN(out.value, ParseCanonical(select.Text(2)));
  return out;
}

absl::Status DisclosureStore::Erase(const Hash32& digest) {
  VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
  {
    VEILSUM_ASSIGN_OR_RETURN(Statement erase,
                             db_.Prepare("DELETE FROM disclosures WHERE digest = ?"));
    VEILSUM_RETURN_IF_ERROR(erase.Bind(1, ByteView(digest)).Run());
  }
  if (db_.ChangedRows() != 0) {
    VEILSUM_ASSIGN_OR_RETURN(Statement mark, db_.Prepare("INSERT INTO erased(digest) VALUES(?)"));
    VEILSUM_RETURN_IF_ERROR(mark.Bind(1, ByteView(digest)).Run());
  } else {
    VEILSUM_ASSIGN_OR_RETURN(Statement marked,
                             db_.Prepare("SELECT 1 FROM erased WHERE digest = ?"));
    VEILSUM_ASSIGN_OR_RETURN(const bool before, marked.Bind(1, ByteView(digest)).Step());
    if (!before) return NotFound("no hidden value %s is kept here", HexEncode(digest));
  }
  VEILSUM_RETURN_IF_ERROR(transaction.Commit());
  return EmptyLog(db_);
}

}  // namespace veilsum::client
