// The SQLite back end of TenantRegistry: a file a tenant, in one folder.
#pragma once

#include <filesystem>
#include <memory>

#include "coordinator/identity/tenant_registry.h"

namespace veilsum::coordinator {

// tenants/<tenant>.sqlite in `folder`, which is made. Unavailable: cannot.
absl::StatusOr<std::unique_ptr<TenantRegistry>> OpenSqliteTenants(
    const std::filesystem::path& folder);

// For a coordinator whose records are elsewhere: takes those that such a folder has over into
// `registry` and renames tenants to tenants.moved, so that it happens once. OK when there are none.
absl::Status MoveSqliteTenants(const std::filesystem::path& folder, const SpiffeId& coordinator,
                               TenantRegistry& registry);

}  // namespace veilsum::coordinator
