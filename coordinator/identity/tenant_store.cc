#include "coordinator/identity/tenant_store.h"

namespace veilsum::coordinator {
namespace {

constexpr int kWrongAttempts = 5;

constexpr sqlite::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE tokens(
  id TEXT PRIMARY KEY,
  text_sha256 BLOB NOT NULL CHECK(length(text_sha256) = 32),
  subject TEXT NOT NULL,
  expires INTEGER NOT NULL,
  wrong INTEGER NOT NULL DEFAULT 0,
  keys_sha256 BLOB CHECK(keys_sha256 IS NULL OR length(keys_sha256) = 32)
) STRICT, WITHOUT ROWID;
CREATE TABLE leaves(
  serial TEXT PRIMARY KEY,
  uri TEXT NOT NULL,
  key TEXT NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE denied(
  kind INTEGER NOT NULL,
  value TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL DEFAULT (unixepoch()),
  PRIMARY KEY(kind, value)
) STRICT, WITHOUT ROWID;
)sql"}};

std::filesystem::path FileOf(const std::filesystem::path& folder, const TenantContext& context) {
  return folder / (context.tenant() + ".sqlite");
}

absl::Status NotValid() { return PermissionDenied("the join token is not valid"); }

}  // namespace

absl::StatusOr<TenantStore> TenantStore::Open(const std::filesystem::path& folder,
                                              const TenantContext& context) {
  const std::filesystem::path file = FileOf(folder, context);
  if (!std::filesystem::exists(file)) return NotFound("no such tenant");
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Database db, sqlite::Database::Open(file));
  VEILSUM_RETURN_IF_ERROR(db.Migrate(kMigrations));
  return TenantStore(std::move(db));
}

absl::Status TenantStore::Create(const std::filesystem::path& folder,
                                 const TenantContext& context) {
  const std::filesystem::path file = FileOf(folder, context);
  if (std::filesystem::exists(file))
    return AlreadyExists("tenant %s exists, or has existed", context.tenant());
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Database db, sqlite::Database::Open(file));
  return db.Migrate(kMigrations);
}

absl::Status TenantStore::AddToken(const JoinToken& token, const Hash32& text_hash) {
  VEILSUM_ASSIGN_OR_RETURN(
      sqlite::Statement insert,
      db_.Prepare("INSERT INTO tokens(id, text_sha256, subject, expires) VALUES(?, ?, ?, ?)"));
  return insert.Bind(1, token.id)
      .Bind(2, ByteView(text_hash))
      .Bind(3, token.subject.ToString())
      .Bind(4, token.expires)
      .Run();
}

absl::Status TenantStore::Redeem(const JoinToken& token, const Hash32& text_hash,
                                 const Hash32& keys, std::int64_t now) {
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Transaction transaction, sqlite::Transaction::Begin(db_));
  VEILSUM_ASSIGN_OR_RETURN(
      sqlite::Statement select,
      db_.Prepare("SELECT text_sha256, expires, wrong, keys_sha256 FROM tokens WHERE id = ?"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, token.id).Step());
  if (!found) return NotValid();
  const Bytes expected = select.Blob(0), bound = select.Blob(3);
  const std::int64_t expires = select.Int(1), wrong = select.Int(2);
  const bool fresh = select.IsNull(3);
  select.Reset();
  if (wrong >= kWrongAttempts) return PermissionDenied("the join token is burned");
  const bool right = expected.size() == text_hash.size() &&
                     sodium_memcmp(expected.data(), text_hash.data(), text_hash.size()) == 0;
  const bool same_keys = fresh || std::ranges::equal(bound, keys);
  if (!right || !same_keys) {
    VEILSUM_ASSIGN_OR_RETURN(sqlite::Statement count,
                             db_.Prepare("UPDATE tokens SET wrong = wrong + 1 WHERE id = ?"));
    VEILSUM_RETURN_IF_ERROR(count.Bind(1, token.id).Run());
    VEILSUM_RETURN_IF_ERROR(transaction.Commit());
    return right ? PermissionDenied("the join token was used for other keys") : NotValid();
  }
  if (now > expires) return PermissionDenied("the join token has expired");
  if (!fresh) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Statement bind,
                           db_.Prepare("UPDATE tokens SET keys_sha256 = ? WHERE id = ?"));
  VEILSUM_RETURN_IF_ERROR(bind.Bind(1, ByteView(keys)).Bind(2, token.id).Run());
  return transaction.Commit();
}

absl::Status TenantStore::AddLeaf(const IssuedLeafRow& leaf) {
  VEILSUM_ASSIGN_OR_RETURN(
      sqlite::Statement insert,
      db_.Prepare("INSERT INTO leaves(serial, uri, key, expires) VALUES(?, ?, ?, ?)"));
  return insert.Bind(1, leaf.serial)
      .Bind(2, leaf.uri)
      .Bind(3, leaf.key)
      .Bind(4, leaf.expires)
      .Run();
}

absl::StatusOr<std::vector<IssuedLeafRow>> TenantStore::Leaves() {
  std::vector<IssuedLeafRow> out;
  VEILSUM_ASSIGN_OR_RETURN(
      sqlite::Statement select,
      db_.Prepare("SELECT serial, uri, key, expires FROM leaves ORDER BY expires, serial"));
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return out;
    out.push_back({select.Text(1), select.Text(0), select.Text(2), select.Int(3)});
  }
}

absl::Status TenantStore::Deny(const DeniedRow& denied, std::string_view reason) {
  VEILSUM_ASSIGN_OR_RETURN(
      sqlite::Statement insert,
      db_.Prepare(
          "INSERT INTO denied(kind, value, reason) VALUES(?, ?, ?) ON CONFLICT DO NOTHING"));
  return insert.Bind(1, static_cast<std::int64_t>(denied.kind))
      .Bind(2, denied.value)
      .Bind(3, reason)
      .Run();
}

absl::StatusOr<std::vector<DeniedRow>> TenantStore::Denied() {
  std::vector<DeniedRow> out;
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Statement select,
                           db_.Prepare("SELECT kind, value FROM denied ORDER BY kind, value"));
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return out;
    out.push_back({static_cast<DeniedKind>(select.Int(0)), select.Text(1)});
  }
}

}  // namespace veilsum::coordinator
