#include "coordinator/identity/tenant_store.h"

#include <sodium.h>

#include <algorithm>

namespace veilsum::coordinator {
namespace {

constexpr int kWrongAttempts = 5;
constexpr std::size_t kLongestReason = 400;

absl::Status NotValid() { return PermissionDenied("the join token is not valid"); }

std::string TableOf(const std::string& schema, std::string_view name) {
  return schema.empty() ? std::string(name) : absl::StrFormat("%s.%s", schema, name);
}

// PostgreSQL keeps neither a zero byte nor half a character.
std::string StorableReason(std::string_view reason) {
  if (reason.size() > kLongestReason) {
    std::size_t end = kLongestReason;
    while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xC0) == 0x80) --end;
    reason = reason.substr(0, end);
  }
  std::string out(reason);
  std::ranges::replace(out, '\0', '?');
  return out;
}

absl::Status InsertDenied(SqlDatabase& db, const std::string& table, std::int64_t kind,
                          std::string_view value, std::string_view reason) {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement insert,
                           db.Prepare("INSERT INTO " + table +
                                      "(kind, value, reason) VALUES($1, $2, $3) "
                                      "ON CONFLICT DO NOTHING"));
  return insert.Bind(1, kind).Bind(2, value).Bind(3, reason).Run();
}

}  // namespace

TenantStore::TenantStore(SqlDatabase& db, const std::string& schema)
    : db_(db),
      tokens_(TableOf(schema, "tokens")),
      leaves_(TableOf(schema, "leaves")),
      denied_(TableOf(schema, "denied")) {}

absl::Status TenantStore::AddToken(const JoinToken& token, const Hash32& text_hash) {
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement insert,
      db_.Prepare("INSERT INTO " + tokens_ +
                  "(id, text_sha256, subject, expires) VALUES($1, $2, $3, $4)"));
  insert.Bind(1, token.id).Bind(2, ByteView(text_hash)).Bind(3, token.subject.ToString());
  VEILSUM_RETURN_IF_ERROR(insert.Bind(4, token.expires).Run());
  return transaction.Commit();
}

// The first statement writes, so that PostgreSQL locks the row: of two attempts at once the second
// sees what the first has done.
absl::Status TenantStore::Redeem(const JoinToken& token, const Hash32& text_hash,
                                 const Hash32& keys, std::int64_t now) {
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select,
                           db_.Prepare("UPDATE " + tokens_ +
                                       " SET wrong = wrong WHERE id = $1 "
                                       "RETURNING text_sha256, expires, wrong, keys_sha256"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, token.id).Step());
  if (!found) return NotValid();
  const Bytes expected = select.Blob(0), bound = select.Blob(3);
  const std::int64_t expires = select.Int(1), wrong = select.Int(2);
  const bool fresh = select.IsNull(3);
  VEILSUM_RETURN_IF_ERROR(select.Run());
  if (wrong >= kWrongAttempts) return PermissionDenied("the join token is burned");
  const bool right = expected.size() == text_hash.size() &&
                     sodium_memcmp(expected.data(), text_hash.data(), text_hash.size()) == 0;
  const bool same_keys = fresh || std::ranges::equal(bound, keys);
  if (!right || !same_keys) {
    VEILSUM_ASSIGN_OR_RETURN(
        SqlStatement count,
        db_.Prepare("UPDATE " + tokens_ + " SET wrong = wrong + 1 WHERE id = $1"));
    VEILSUM_RETURN_IF_ERROR(count.Bind(1, token.id).Run());
    VEILSUM_RETURN_IF_ERROR(transaction.Commit());
    return right ? PermissionDenied("the join token was used for other keys") : NotValid();
  }
  if (now > expires) return PermissionDenied("the join token has expired");
  if (!fresh) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement bind, db_.Prepare("UPDATE " + tokens_ + " SET keys_sha256 = $1 WHERE id = $2"));
  VEILSUM_RETURN_IF_ERROR(bind.Bind(1, ByteView(keys)).Bind(2, token.id).Run());
  return transaction.Commit();
}

absl::Status TenantStore::AddLeaf(const IssuedLeafRow& leaf) {
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement insert,
      db_.Prepare("INSERT INTO " + leaves_ + "(serial, uri, key, expires) VALUES($1, $2, $3, $4)"));
  insert.Bind(1, leaf.serial).Bind(2, leaf.uri).Bind(3, leaf.key);
  VEILSUM_RETURN_IF_ERROR(insert.Bind(4, leaf.expires).Run());
  return transaction.Commit();
}

absl::StatusOr<std::vector<IssuedLeafRow>> TenantStore::Leaves() {
  std::vector<IssuedLeafRow> out;
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select,
                           db_.Prepare("SELECT serial, uri, key, expires FROM " + leaves_ +
                                       " ORDER BY expires, serial"));
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return out;
    out.push_back({select.Text(1), select.Text(0), select.Text(2), select.Int(3)});
  }
}

absl::Status TenantStore::Deny(const DeniedRow& denied, std::string_view reason) {
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  VEILSUM_RETURN_IF_ERROR(InsertDenied(db_, denied_, static_cast<std::int64_t>(denied.kind),
                                       denied.value, StorableReason(reason)));
  return transaction.Commit();
}

absl::StatusOr<std::vector<DeniedRow>> TenantStore::Denied() {
  std::vector<DeniedRow> out;
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select, db_.Prepare("SELECT kind, value FROM " + denied_ +
                                                            " ORDER BY kind, value"));
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return out;
    out.push_back({static_cast<DeniedKind>(select.Int(0)), select.Text(1)});
  }
}

absl::Status TenantStore::CopyFrom(TenantStore& other) {
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  VEILSUM_RETURN_IF_ERROR(CopyTokens(other));
  VEILSUM_RETURN_IF_ERROR(CopyLeaves(other));
  VEILSUM_RETURN_IF_ERROR(CopyDenied(other));
  return transaction.Commit();
}

absl::Status TenantStore::CopyTokens(TenantStore& other) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement select,
      other.db_.Prepare("SELECT id, text_sha256, subject, expires, wrong, keys_sha256 FROM " +
                        other.tokens_));
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return absl::OkStatus();
    VEILSUM_ASSIGN_OR_RETURN(SqlStatement insert,
                             db_.Prepare("INSERT INTO " + tokens_ +
                                         "(id, text_sha256, subject, expires, keys_sha256, wrong) "
                                         "VALUES($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"));
    const Bytes text_hash = select.Blob(1), keys = select.Blob(5);
    insert.Bind(1, select.Text(0)).Bind(2, ByteView(text_hash)).Bind(3, select.Text(2));
    insert.Bind(4, select.Int(3)).Bind(6, select.Int(4));
    if (!select.IsNull(5)) insert.Bind(5, ByteView(keys));
    VEILSUM_RETURN_IF_ERROR(insert.Run());
  }
}

absl::Status TenantStore::CopyLeaves(TenantStore& other) {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<IssuedLeafRow> leaves, other.Leaves());
  for (const IssuedLeafRow& leaf : leaves) {
    VEILSUM_ASSIGN_OR_RETURN(
        SqlStatement insert,
        db_.Prepare("INSERT INTO " + leaves_ +
                    "(serial, uri, key, expires) VALUES($1, $2, $3, $4) ON CONFLICT DO NOTHING"));
    insert.Bind(1, leaf.serial).Bind(2, leaf.uri).Bind(3, leaf.key).Bind(4, leaf.expires);
    VEILSUM_RETURN_IF_ERROR(insert.Run());
  }
  return absl::OkStatus();
}

absl::Status TenantStore::CopyDenied(TenantStore& other) {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select,
                           other.db_.Prepare("SELECT kind, value, reason FROM " + other.denied_));
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return absl::OkStatus();
    VEILSUM_RETURN_IF_ERROR(
        InsertDenied(db_, denied_, select.Int(0), select.Text(1), select.Text(2)));
  }
}

}  // namespace veilsum::coordinator
