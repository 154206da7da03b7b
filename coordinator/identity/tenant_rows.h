// The rows of one tenant's tables, as `fsck` judges them: whatever back end keeps them.
#pragma once

#include <functional>
#include <set>

#include "coordinator/identity/tenant_check.h"
#include "coordinator/store/sql_database.h"

namespace veilsum::coordinator {

class TenantRows {
 public:
  // `schema` has the tables, empty: the database has one. All outlive it.
  TenantRows(SqlDatabase& db, std::string schema, std::string tenant, TenantsCheck& out)
      : db_(db), schema_(std::move(schema)), tenant_(std::move(tenant)), out_(out) {}

  // All three tables must be there. Errors are those of the database.
  absl::Status Check();

  // Adds "tenant T: TABLE ROW: WRONG; TO_DO", with what the row says escaped and cut.
  void Fault(std::string_view table, std::string_view row, std::string_view wrong,
             std::string_view to_do);

 private:
  absl::Status CheckTokens();
  absl::Status CheckLeaves();
  absl::Status CheckDenied();
  void CheckDeniedValue(std::int64_t kind, const std::string& value);
  // Whether it is the id of somebody of this tenant.
  bool IsOurs(const std::string& uri) const;
  // `check` for each row, in order.
  absl::Status Each(const char* columns, const char* table, const char* order,
                    const std::function<void(const SqlStatement&)>& check);

  SqlDatabase& db_;
  const std::string schema_, tenant_;
  TenantsCheck& out_;
  std::set<std::string> serials_, keys_;  // of its leaves
};

}  // namespace veilsum::coordinator
