// The PostgreSQL back end of TenantRegistry: a schema a tenant, and their ids in a table of the
// federation's own schema.
#pragma once

#include <memory>

#include "coordinator/identity/tenant_registry.h"
#include "coordinator/store/postgres_database.h"

namespace veilsum::coordinator {

// The schema of a tenant of the federation in `schema`: tenant_ and 40 hex digits of a hash, for
// ids have characters that names have not.
std::string TenantSchema(const std::string& schema, const std::string& tenant);

// On a session of its own. `term` is that of the lease that the caller has: writes are refused
// (Aborted) from the next election on, and `lost` is called as PostgresDatabase::Fence says. Errors
// of PostgresDatabase::Connect.
absl::StatusOr<std::unique_ptr<TenantRegistry>> OpenPostgresTenants(
    const PostgresPlace& place, std::uint64_t term,
    std::function<void(const absl::Status&)> lost = nullptr);

}  // namespace veilsum::coordinator
