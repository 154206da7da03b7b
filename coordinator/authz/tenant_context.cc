#include "coordinator/authz/tenant_context.h"

namespace veilsum::coordinator {

absl::StatusOr<TenantContext> TenantContext::For(const Principal& caller,
                                                 std::string_view requested) {
  const bool legal = SpiffeId::Client(caller.id.domain(), requested, "x").ok();
  if (!legal || (caller.id.role() != SpiffeRole::kOperator && caller.id.tenant() != requested))
    return NotFound("no such tenant");
  return TenantContext(std::string(requested));
}

absl::StatusOr<TenantContext> TenantContext::Own(const Principal& caller) {
  if (caller.id.tenant().empty()) return NotFound("no such tenant");
  return TenantContext(caller.id.tenant());
}

}  // namespace veilsum::coordinator
