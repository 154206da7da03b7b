// Creates tenants, hands out join tokens and certificates, and revokes them. It decides and keeps;
// coordinator/rpc only translates, and has checked already that the caller's role may ask.
#pragma once

#include <memory>
#include <mutex>

#include "base/pki/issuer.h"
#include "base/secure_rng.h"
#include "coordinator/authz/deny_list.h"
#include "coordinator/identity/tenant_registry.h"
#include "veilsum/enroll/v1/enroll.pb.h"
#include "veilsum/tenancy/v1/tenancy.pb.h"

namespace veilsum::coordinator {

struct OfficeConfig {
  Certificate root;                               // the federation's
  Issuer issuer;                                  // signs leaves
  SpiffeId coordinator;                           // this node
  std::string enroll_address = "";                // host:port that tokens name
  std::string address = "";                       // host:port that new nodes are told to dial
  std::chrono::seconds leaf_lifetime{24 * 3600};  // of TLS leaves
  // Of signing certificates: a client uses the one that it started with, so they last longer.
  std::chrono::seconds signing_lifetime{30 * 24 * 3600};
  std::function<WallTime()> now = [] { return std::chrono::system_clock::now(); };
};

// Thread-safe; calls wait for the disk or the database. Aborted: this process no longer leads.
class IdentityOffice {
 public:
  // Reads what `tenants` keeps and tells `deny`. `deny` and `rng` must outlive it.
  static absl::StatusOr<std::unique_ptr<IdentityOffice>> Open(
      OfficeConfig config, std::unique_ptr<TenantRegistry> tenants, DenyList& deny, SecureRng& rng);

  // For whoever listens on a port that was free: the addresses that tokens and answers name now.
  void Announce(std::string enroll_address, std::string address);

  // InvalidArgument: a request that is malformed. PermissionDenied: the token is not (or no more)
  // good for these keys. Unauthenticated: its subject is revoked.
  absl::StatusOr<enroll::v1::Certificates> Redeem(const enroll::v1::RedeemRequest& request);
  absl::StatusOr<enroll::v1::Certificates> Renew(const Principal& caller,
                                                 const enroll::v1::RenewRequest& request);

  // In these NotFound means that the tenant does not exist or is not the caller's.
  absl::Status CreateTenant(const Principal& caller, const std::string& tenant);
  absl::StatusOr<tenancy::v1::ListTenantsResponse> ListTenants();
  absl::Status RevokeTenant(const Principal& caller,
                            const tenancy::v1::RevokeTenantRequest& request);
  absl::StatusOr<tenancy::v1::CreateJoinTokenResponse> CreateJoinToken(
      const Principal& caller, const tenancy::v1::CreateJoinTokenRequest& request);
  absl::StatusOr<tenancy::v1::ListClientsResponse> ListClients(
      const Principal& caller, const tenancy::v1::ListClientsRequest& request);
  absl::Status RevokeClient(const Principal& caller,
                            const tenancy::v1::RevokeClientRequest& request);

  // A new leaf for this node's own key, to put in the place of one that ends soon.
  absl::StatusOr<CertificateChain> RenewOwn(const RequestedKey& key);

 private:
  IdentityOffice(OfficeConfig config, std::unique_ptr<TenantRegistry> tenants, DenyList& deny,
                 SecureRng& rng)
      : config_(std::move(config)), deny_(deny), rng_(rng), tenants_(std::move(tenants)) {}
  absl::StatusOr<enroll::v1::Certificates> Issue(const SpiffeId& id, TenantStore* store,
                                                 const RequestedKey& tls,
                                                 const RequestedKey& signing);
  absl::Status Deny(TenantStore& store, const DeniedRow& row, std::string_view reason);
  std::int64_t NowSeconds() const;

  OfficeConfig config_;  // its addresses are guarded by mutex_; the rest does not change
  DenyList& deny_;
  SecureRng& rng_;
  std::mutex mutex_;
  const std::unique_ptr<TenantRegistry> tenants_;  // what it points to is guarded by mutex_
};

}  // namespace veilsum::coordinator
