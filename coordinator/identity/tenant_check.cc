#include "coordinator/identity/tenant_check.h"

#include <algorithm>

#include "base/crypto/sha256.h"
#include "base/pki/spiffe_id.h"
#include "coordinator/identity/postgres_tenants.h"
#include "coordinator/identity/tenant_rows.h"
#include "coordinator/identity/tenant_tables.h"
#include "coordinator/store/sqlite_sql.h"

namespace veilsum::coordinator {
namespace {

constexpr const char* kRestore = "put this tenant's records back from a backup";

bool IsTenantId(const std::string& tenant) { return SpiffeId::Client("a", tenant, "a").ok(); }

// FailedPrecondition: of a newer program.
absl::Status CheckMigrations(SqlDatabase& db, TenantRows& rows) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement applied,
      db.Prepare("SELECT number, sha256 FROM schema_migrations ORDER BY number"));
  std::size_t found = 0;
  for (;; ++found) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, applied.Step());
    if (!row) break;
    const auto known =
        std::ranges::find(kTenantMigrations, applied.Int(0), &sqlite::Migration::number);
    if (known == std::end(kTenantMigrations))
      return FailedPrecondition(
          "a tenant's records have schema %d, which this program does not know", applied.Int(0));
    if (applied.Text(1) != HexEncode(Sha256(known->sql)))
      rows.Fault("schema_migrations", absl::StrFormat("%d", applied.Int(0)),
                 "it was applied with another text", kRestore);
  }
  if (found == 0) rows.Fault("schema_migrations", "1", "no migration was applied", kRestore);
  return absl::OkStatus();
}

absl::Status CheckPages(SqlDatabase& db, TenantRows& rows) {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement whole, db.Prepare("PRAGMA integrity_check(20)"));
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, whole.Step());
    if (!row) return absl::OkStatus();
    if (whole.Text(0) != "ok") rows.Fault("database", "pages", whole.Text(0), kRestore);
  }
}

// `exists`: of its one parameter, a table's name; 1 or 0. True: all of them are there.
absl::StatusOr<bool> HasTables(SqlDatabase& db, const char* exists, const std::string& prefix,
                               std::span<const char* const> tables, TenantRows& rows) {
  bool all = true;
  for (const char* table : tables) {
    VEILSUM_ASSIGN_OR_RETURN(SqlStatement select, db.Prepare(exists));
    VEILSUM_RETURN_IF_ERROR(select.Bind(1, prefix + table).Step().status());
    if (select.Int(0) != 0) continue;
    rows.Fault(table, "table", "it is not there", kRestore);
    all = false;
  }
  return all;
}

absl::Status CheckTenantFile(const std::filesystem::path& file, TenantsCheck& out) {
  const std::string tenant = file.stem().string();
  sqlite::Database::Options options;
  options.exclusive = true;
  absl::StatusOr<sqlite::Database> db = sqlite::Database::Open(file, options);
  if (!db.ok() && !absl::IsDataLoss(db.status())) return db.status();
  if (!db.ok()) {
    out.faults.push_back(absl::StrFormat("tenant %s: database %s: %s; %s", tenant, file.string(),
                                         std::string(db.status().message()), kRestore));
    return absl::OkStatus();
  }
  SqliteSql sql(*db);
  TenantRows rows(sql, /*schema=*/"", tenant, out);
  if (!IsTenantId(tenant))
    rows.Fault("database", file.string(), "no tenant can have this id", "take the file away");
  constexpr const char* kMigrationTable[] = {"schema_migrations"};
  constexpr const char* kExists =
      "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = $1";
  VEILSUM_ASSIGN_OR_RETURN(const bool migrated, HasTables(sql, kExists, "", kMigrationTable, rows));
  if (migrated) VEILSUM_RETURN_IF_ERROR(CheckMigrations(sql, rows));
  VEILSUM_RETURN_IF_ERROR(CheckPages(sql, rows));
  VEILSUM_ASSIGN_OR_RETURN(const bool whole, HasTables(sql, kExists, "", kTenantTables, rows));
  return whole ? rows.Check() : absl::OkStatus();
}

struct TenantEntry {  // of the federation's own table
  std::string tenant, schema;
  std::int64_t version = 0;
};

absl::StatusOr<std::vector<TenantEntry>> ReadTenants(SqlDatabase& db) {
  std::vector<TenantEntry> out;
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement select,
      db.Prepare("SELECT tenant, schema, version FROM tenants ORDER BY tenant"));
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return out;
    out.push_back({select.Text(0), select.Text(1), select.Int(2)});
  }
}

constexpr const char* kRegclass = "SELECT CASE WHEN to_regclass($1) IS NULL THEN 0 ELSE 1 END";

absl::Status CheckTenantSchema(SqlDatabase& db, const std::string& federation,
                               const TenantEntry& entry, TenantsCheck& out) {
  const std::string schema = TenantSchema(federation, entry.tenant);
  TenantRows rows(db, schema, entry.tenant, out);
  if (!IsTenantId(entry.tenant))
    rows.Fault("tenants", entry.tenant, "no tenant can have this id", "take the row away");
  if (entry.version > kTenantTablesVersion)
    return FailedPrecondition("tenant %s has tables of version %d, this program knows %d",
                              entry.tenant, entry.version, kTenantTablesVersion);
  if (entry.version < 1)
    rows.Fault("tenants", entry.tenant, absl::StrFormat("version is %d, must be 1", entry.version),
               kRestore);
  if (entry.schema != schema)
    rows.Fault("tenants", entry.tenant,
               absl::StrFormat("schema is not %s, where its tables are looked for", schema),
               kRestore);
  VEILSUM_ASSIGN_OR_RETURN(const bool whole,
                           HasTables(db, kRegclass, schema + ".", kTenantTables, rows));
  return whole ? rows.Check() : absl::OkStatus();
}

}  // namespace

absl::StatusOr<TenantsCheck> CheckSqliteTenants(const std::filesystem::path& folder) {
  TenantsCheck out;
  std::error_code error;
  std::vector<std::filesystem::path> files;
  if (!std::filesystem::exists(folder / "tenants", error)) return out;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "tenants", error))
    if (entry.path().extension() == ".sqlite") files.push_back(entry.path());
  if (error) return Unavailable("cannot read %s: %s", folder.string(), error.message());
  std::ranges::sort(files);
  for (const std::filesystem::path& file : files) {
    ++out.tenants;
    VEILSUM_RETURN_IF_ERROR(CheckTenantFile(file, out));
  }
  return out;
}

absl::StatusOr<TenantsCheck> CheckPostgresTenants(const PostgresPlace& place) {
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<PostgresDatabase> db, PostgresDatabase::Connect(place));
  // One view over all reads; nothing waits for it.
  VEILSUM_RETURN_IF_ERROR(db->Execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  TenantsCheck out;
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement listed, db->Prepare(kRegclass));
  VEILSUM_RETURN_IF_ERROR(listed.Bind(1, place.schema + ".tenants").Step().status());
  if (listed.Int(0) == 0) return out;  // the schema is of a program that had none yet
  VEILSUM_RETURN_IF_ERROR(listed.Run());
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<TenantEntry> tenants, ReadTenants(*db));
  for (const TenantEntry& entry : tenants) {
    ++out.tenants;
    VEILSUM_RETURN_IF_ERROR(CheckTenantSchema(*db, place.schema, entry, out));
  }
  return out;
}

}  // namespace veilsum::coordinator
