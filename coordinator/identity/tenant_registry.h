// Every tenant's store of one federation, in one folder: tenants/<tenant>.sqlite.
#pragma once

#include <map>

#include "coordinator/identity/tenant_store.h"

namespace veilsum::coordinator {

// Not thread-safe.
class TenantRegistry {
 public:
  // Makes the folder. Unavailable: cannot.
  static absl::StatusOr<TenantRegistry> Open(const std::filesystem::path& folder);

  absl::Status Create(const TenantContext& context);
  // Valid until the registry goes. NotFound: nobody has created that tenant.
  absl::StatusOr<TenantStore*> StoreOf(const TenantContext& context);
  std::vector<std::string> Tenants() const;  // in order
  // Fills the list with every tenant and with all that they have revoked.
  absl::Status Tell(const SpiffeId& coordinator, DenyList& deny);

 private:
  explicit TenantRegistry(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
  std::map<std::string, TenantStore> open_;
};

}  // namespace veilsum::coordinator
