#include "coordinator/identity/postgres_tenants.h"

#include <map>

#include "base/crypto/sha256.h"
#include "coordinator/identity/tenant_tables.h"

namespace veilsum::coordinator {
namespace {

// Those of tenant_tables.h, with the types that PostgreSQL has. Frozen: a change is a new
// version.
std::string TablesOf(const std::string& schema) {
  return absl::StrFormat(R"sql(
CREATE SCHEMA %1$s;
CREATE TABLE %1$s.tokens(
  id TEXT PRIMARY KEY,
  text_sha256 BYTEA NOT NULL CHECK(length(text_sha256) = 32),
  subject TEXT NOT NULL,
  expires BIGINT NOT NULL,
  wrong BIGINT NOT NULL DEFAULT 0,
  keys_sha256 BYTEA CHECK(keys_sha256 IS NULL OR length(keys_sha256) = 32)
);
CREATE TABLE %1$s.leaves(
  serial TEXT COLLATE "C" PRIMARY KEY,
  uri TEXT NOT NULL,
  key TEXT NOT NULL,
  expires BIGINT NOT NULL
);
CREATE TABLE %1$s.denied(
  kind BIGINT NOT NULL,
  value TEXT COLLATE "C" NOT NULL,
  reason TEXT NOT NULL,
  at BIGINT NOT NULL DEFAULT floor(extract(epoch FROM now())),
  PRIMARY KEY(kind, value)
))sql",
                         schema);
}

class PostgresTenants final : public TenantRegistry {
 public:
  PostgresTenants(std::unique_ptr<PostgresDatabase> db, std::string schema)
      : db_(std::move(db)), schema_(std::move(schema)) {}

  absl::Status Create(const TenantContext& context) override {
    const std::string schema = TenantSchema(schema_, context.tenant());
    VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(*db_));
    VEILSUM_ASSIGN_OR_RETURN(SqlStatement insert,
                             db_->Prepare("INSERT INTO tenants(tenant, schema, version) "
                                          "VALUES($1, $2, $3) ON CONFLICT(tenant) DO NOTHING "
                                          "RETURNING version"));
    insert.Bind(1, context.tenant()).Bind(2, schema).Bind(3, kTenantTablesVersion);
    VEILSUM_ASSIGN_OR_RETURN(const bool made, insert.Step());
    if (!made) return AlreadyExists("tenant %s exists, or has existed", context.tenant());
    VEILSUM_RETURN_IF_ERROR(db_->Execute(TablesOf(schema)));
    return transaction.Commit();
  }

  absl::StatusOr<TenantStore*> StoreOf(const TenantContext& context) override {
    auto open = open_.find(context.tenant());
    if (open == open_.end()) {
      VEILSUM_RETURN_IF_ERROR(CheckTables(context));
      open =
          open_.try_emplace(context.tenant(), *db_, TenantSchema(schema_, context.tenant())).first;
    }
    return &open->second;
  }

  absl::StatusOr<std::vector<std::string>> Tenants() override {
    std::vector<std::string> out;
    VEILSUM_ASSIGN_OR_RETURN(SqlStatement select,
                             db_->Prepare("SELECT tenant FROM tenants ORDER BY tenant"));
    for (;;) {
      VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
      if (!row) return out;
      out.push_back(select.Text(0));
    }
  }

 private:
  absl::Status CheckTables(const TenantContext& context) {
    VEILSUM_ASSIGN_OR_RETURN(SqlStatement select,
                             db_->Prepare("SELECT version FROM tenants WHERE tenant = $1"));
    VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, context.tenant()).Step());
    if (!found) return NotFound("no such tenant");
    if (select.Int(0) > kTenantTablesVersion)
      return FailedPrecondition("tenant %s has tables of version %d, this program knows %d",
                                context.tenant(), select.Int(0), kTenantTablesVersion);
    return absl::OkStatus();
  }

  const std::unique_ptr<PostgresDatabase> db_;
  const std::string schema_;  // the federation's
  std::map<std::string, TenantStore> open_;
};

}  // namespace

std::string TenantSchema(const std::string& schema, const std::string& tenant) {
  return "tenant_" +
         HexEncode(Sha256("veilsum/v1/tenant-schema/" + schema + "/" + tenant)).substr(0, 40);
}

absl::StatusOr<std::unique_ptr<TenantRegistry>> OpenPostgresTenants(
    const PostgresPlace& place, std::uint64_t term, std::function<void(const absl::Status&)> lost) {
  if (term == 0) return FailedPrecondition("the lease is not acquired");
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<PostgresDatabase> db, PostgresDatabase::Connect(place));
  db->Fence(term, std::move(lost), /*on_commit=*/nullptr);
  return std::make_unique<PostgresTenants>(std::move(db), place.schema);
}

}  // namespace veilsum::coordinator
