// `fsck` of the tenants' records: whether each tenant's tables are whole, and whether their rows
// are such as the identity office writes. Reads only, repairs nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace veilsum::coordinator {

struct PostgresPlace;

struct TenantsCheck {
  std::uint64_t tenants = 0, tokens = 0, leaves = 0, denied = 0;  // rows
  std::vector<std::string> faults;  // tenant, table, row, what to do; at most kMostTenantFaults
};
inline constexpr std::size_t kMostTenantFaults = 100;

// Of the files in tenants/ of `folder`, which need not be there. Unavailable: a coordinator has one
// open.
absl::StatusOr<TenantsCheck> CheckSqliteTenants(const std::filesystem::path& folder);
// Of a federation in PostgreSQL, in one view: a coordinator may have it in use. Errors of
// PostgresDatabase::Connect.
absl::StatusOr<TenantsCheck> CheckPostgresTenants(const PostgresPlace& place);

}  // namespace veilsum::coordinator
