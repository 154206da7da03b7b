// Every tenant's store of one federation (sqlite_tenants.h, postgres_tenants.h).
#pragma once

#include "coordinator/identity/tenant_store.h"

namespace veilsum::coordinator {

// Not thread-safe.
class TenantRegistry {
 public:
  virtual ~TenantRegistry() = default;

  // AlreadyExists: a tenant's id is never used again.
  virtual absl::Status Create(const TenantContext& context) = 0;
  // Valid until the registry goes. NotFound: nobody has created that tenant.
  virtual absl::StatusOr<TenantStore*> StoreOf(const TenantContext& context) = 0;
  virtual absl::StatusOr<std::vector<std::string>> Tenants() = 0;  // in order

  // Fills the list with every tenant and with all that they have revoked.
  absl::Status Tell(const SpiffeId& coordinator, DenyList& deny);
  // Adds the tenants of `other` that are missing here, and what is missing of each.
  absl::Status CopyFrom(const SpiffeId& coordinator, TenantRegistry& other);
};

}  // namespace veilsum::coordinator
