// SPIFFE identities of Veilsum's parties (SPIFFE-ID.md; SE-03): the name in a certificate's single
// URI SAN.
//   spiffe://<domain>/tenant/<tenant>/client/<client>   spiffe://<domain>/coordinator/<node>
//   spiffe://<domain>/operator/<user> spiffe://<domain>/tenant/<tenant>/operator/<user>
//   spiffe://<domain>/auditor/<auditor>                spiffe://<domain>/witness/<witness>
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace veilsum {

enum class SpiffeRole { kClient, kCoordinator, kOperator, kTenantOperator, kAuditor, kWitness };
std::string_view RoleName(SpiffeRole role);

// A well-formed identity. Domain: [a-z0-9.-_]{1,255}; tenant: [a-z0-9-]{3,40}; other segments:
// [a-zA-Z0-9.-_]{1,64}, not
// "." or "..". Two ids are equal exactly when their texts are equal.
class SpiffeId {
 public:
  // InvalidArgument naming what is wrong: no percent-encoding, query, fragment, port, empty or
  // additional segment.
  static absl::StatusOr<SpiffeId> Parse(std::string_view uri);
  static absl::StatusOr<SpiffeId> Client(std::string_view domain, std::string_view tenant,
                                         std::string_view client);
  static absl::StatusOr<SpiffeId> Coordinator(std::string_view domain, std::string_view node);
  static absl::StatusOr<SpiffeId> Operator(std::string_view domain, std::string_view user);

  // Somebody of a tenant's staff, who acts for that tenant alone.
  static absl::StatusOr<SpiffeId> TenantOperator(std::string_view domain, std::string_view tenant,
                                                 std::string_view user);

  SpiffeRole role() const { return role_; }
  const std::string& domain() const { return domain_; }
  const std::string& tenant() const {
    return tenant_;
  }                                                  // of clients and tenant operators; else empty
  const std::string& name() const { return name_; }  // the last segment
  const std::string& ToString() const { return uri_; }
  friend bool operator==(const SpiffeId& a, const SpiffeId& b) { return a.uri_ == b.uri_; }

 private:
  SpiffeId() = default;
  static absl::StatusOr<SpiffeId> Of(SpiffeRole role, std::string_view domain,
                                     std::string_view tenant, std::string_view name);
  SpiffeRole role_ = SpiffeRole::kClient;
  std::string domain_, tenant_, name_, uri_;
};

// A legal tenant id for a folder's name: region_1 -> region-1. Letters become lower case; space,
// '_' and '.' become '-'. Where more than that had to change (other bytes, too short, too long),
// eight hex digits of the name's SHA-256 follow, so that different names stay different; names that
// differ only by case or by '_' against '-' do not.
std::string LegalTenantId(std::string_view folder);

}  // namespace veilsum
