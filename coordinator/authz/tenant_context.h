// On behalf of which tenant something is read or written. Whatever belongs to a tenant is reached
// through a context alone, and there are two ways to one: a certificate, and a join token.
#pragma once

#include "base/pki/join_token.h"
#include "coordinator/authz/principal.h"

namespace veilsum::coordinator {

class TenantContext {
 public:
  // For the tenant that a request names. NotFound, as for a tenant that does not exist, when the
  // caller belongs to another one. Operators of the federation belong to none and may name any.
  static absl::StatusOr<TenantContext> For(const Principal& caller, std::string_view requested);
  // For the tenant of the caller's own certificate. NotFound: it has none.
  static absl::StatusOr<TenantContext> Own(const Principal& caller);
  // For the tenant that a token names, while the token is being checked against that tenant's own
  // records.
  static TenantContext OfToken(const JoinToken& token) {
    return TenantContext(token.subject.tenant());
  }

  const std::string& tenant() const { return tenant_; }

 private:
  explicit TenantContext(std::string tenant) : tenant_(std::move(tenant)) {}
  std::string tenant_;
};

}  // namespace veilsum::coordinator
