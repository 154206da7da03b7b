#include "coordinator/identity/tenant_registry.h"

#include <algorithm>

namespace veilsum::coordinator {

absl::StatusOr<TenantRegistry> TenantRegistry::Open(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder / "tenants", error);
  if (error) return Unavailable("cannot make the folder %s: %s", folder.string(), error.message());
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  return TenantRegistry(folder / "tenants");
}

absl::Status TenantRegistry::Create(const TenantContext& context) {
  return TenantStore::Create(folder_, context);
}

absl::StatusOr<TenantStore*> TenantRegistry::StoreOf(const TenantContext& context) {
  auto open = open_.find(context.tenant());
  if (open == open_.end()) {
    VEILSUM_ASSIGN_OR_RETURN(TenantStore store, TenantStore::Open(folder_, context));
    open = open_.emplace(context.tenant(), std::move(store)).first;
  }
  return &open->second;
}

std::vector<std::string> TenantRegistry::Tenants() const {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder_))
    if (entry.path().extension() == ".sqlite") out.push_back(entry.path().stem().string());
  std::ranges::sort(out);
  return out;
}

absl::Status TenantRegistry::Tell(const SpiffeId& coordinator, DenyList& deny) {
  VEILSUM_ASSIGN_OR_RETURN(const SpiffeId operated,
                           SpiffeId::Operator(coordinator.domain(), "coordinator"));
  deny.RequireAdmission();
  for (const std::string& tenant : Tenants()) {
    VEILSUM_ASSIGN_OR_RETURN(const TenantContext context,
                             TenantContext::For({operated, {}, {}, "", {}, {}}, tenant));
    VEILSUM_ASSIGN_OR_RETURN(TenantStore* const store, StoreOf(context));
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<DeniedRow> denied, store->Denied());
    for (const DeniedRow& row : denied) deny.Deny(row.kind, row.value);
    deny.AdmitTenant(tenant);
  }
  return absl::OkStatus();
}

}  // namespace veilsum::coordinator
