#include "coordinator/identity/tenant_registry.h"

namespace veilsum::coordinator {
namespace {

// The coordinator reads for every tenant, as an operator of the federation may.
absl::StatusOr<TenantContext> ContextFor(const SpiffeId& coordinator, const std::string& tenant) {
  VEILSUM_ASSIGN_OR_RETURN(const SpiffeId operated,
                           SpiffeId::Operator(coordinator.domain(), "coordinator"));
  return TenantContext::For({operated, {}, {}, "", {}, {}}, tenant);
}

}  // namespace

absl::Status TenantRegistry::Tell(const SpiffeId& coordinator, DenyList& deny) {
  deny.RequireAdmission();
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<std::string> tenants, Tenants());
  for (const std::string& tenant : tenants) {
    VEILSUM_ASSIGN_OR_RETURN(const TenantContext context, ContextFor(coordinator, tenant));
    VEILSUM_ASSIGN_OR_RETURN(TenantStore* const store, StoreOf(context));
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<DeniedRow> denied, store->Denied());
    for (const DeniedRow& row : denied) deny.Deny(row.kind, row.value);
    deny.AdmitTenant(tenant);
  }
  return absl::OkStatus();
}

absl::Status TenantRegistry::CopyFrom(const SpiffeId& coordinator, TenantRegistry& other) {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<std::string> tenants, other.Tenants());
  for (const std::string& tenant : tenants) {
    VEILSUM_ASSIGN_OR_RETURN(const TenantContext context, ContextFor(coordinator, tenant));
    if (const absl::Status made = Create(context); !made.ok() && !absl::IsAlreadyExists(made))
      return made;
    VEILSUM_ASSIGN_OR_RETURN(TenantStore* const from, other.StoreOf(context));
    VEILSUM_ASSIGN_OR_RETURN(TenantStore* const to, StoreOf(context));
    VEILSUM_RETURN_IF_ERROR(to->CopyFrom(*from));
  }
  return absl::OkStatus();
}

}  // namespace veilsum::coordinator
