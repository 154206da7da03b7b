#include "coordinator/identity/sqlite_tenants.h"

#include <algorithm>
#include <map>

#include "coordinator/identity/tenant_tables.h"
#include "coordinator/store/sqlite_sql.h"

namespace veilsum::coordinator {
namespace {

struct TenantFile {
  explicit TenantFile(sqlite::Database opened)
      : db(std::move(opened)), sql(db), store(sql, /*schema=*/"") {}
  sqlite::Database db;
  SqliteSql sql;
  TenantStore store;
};

class SqliteTenants final : public TenantRegistry {
 public:
  explicit SqliteTenants(std::filesystem::path folder) : folder_(std::move(folder)) {}

  absl::Status Create(const TenantContext& context) override {
    const std::filesystem::path file = FileOf(context);
    if (std::filesystem::exists(file))
      return AlreadyExists("tenant %s exists, or has existed", context.tenant());
    VEILSUM_ASSIGN_OR_RETURN(sqlite::Database db, sqlite::Database::Open(file));
    return db.Migrate(kTenantMigrations);
  }

  absl::StatusOr<TenantStore*> StoreOf(const TenantContext& context) override {
    auto open = open_.find(context.tenant());
    if (open == open_.end()) {
      const std::filesystem::path file = FileOf(context);
      if (!std::filesystem::exists(file)) return NotFound("no such tenant");
      VEILSUM_ASSIGN_OR_RETURN(sqlite::Database db, sqlite::Database::Open(file));
      VEILSUM_RETURN_IF_ERROR(db.Migrate(kTenantMigrations));
      open = open_.emplace(context.tenant(), std::make_unique<TenantFile>(std::move(db))).first;
    }
    return &open->second->store;
  }

  absl::StatusOr<std::vector<std::string>> Tenants() override {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
      if (entry.path().extension() == ".sqlite") out.push_back(entry.path().stem().string());
    std::ranges::sort(out);
    return out;
  }

 private:
  std::filesystem::path FileOf(const TenantContext& context) const {
    return folder_ / (context.tenant() + ".sqlite");
  }
  const std::filesystem::path folder_;
  std::map<std::string, std::unique_ptr<TenantFile>> open_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TenantRegistry>> OpenSqliteTenants(
    const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder / "tenants", error);
  if (error) return Unavailable("cannot make the folder %s: %s", folder.string(), error.message());
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  return std::make_unique<SqliteTenants>(folder / "tenants");
}

absl::Status MoveSqliteTenants(const std::filesystem::path& folder, const SpiffeId& coordinator,
                               TenantRegistry& registry) {
  std::error_code error;
  const std::filesystem::path tenants = folder / "tenants", moved = folder / "tenants.moved";
  if (!std::filesystem::exists(tenants, error)) return absl::OkStatus();
  {
    SqliteTenants files(tenants);
    VEILSUM_RETURN_IF_ERROR(registry.CopyFrom(coordinator, files));
  }
  std::filesystem::rename(tenants, moved, error);
  if (error) return Unavailable("cannot rename %s: %s", tenants.string(), error.message());
  return absl::OkStatus();
}

}  // namespace veilsum::coordinator
