// What operators call about tenants, blocking.
#pragma once

#include <memory>
#include <string>

#include "client/rpc/grpc_coordinator_link.h"
#include "veilsum/tenancy/v1/tenancy.pb.h"

namespace veilsum::client {

class TenancyClient {
 public:
  // Unavailable: as ConnectToCoordinator.
  static absl::StatusOr<std::unique_ptr<TenancyClient>> Connect(const LinkConfig& config);
  virtual ~TenancyClient() = default;

  virtual absl::Status CreateTenant(const std::string& tenant) = 0;
  virtual absl::StatusOr<tenancy::v1::ListTenantsResponse> ListTenants() = 0;
  virtual absl::Status RevokeTenant(const std::string& tenant, const std::string& reason) = 0;
  virtual absl::StatusOr<tenancy::v1::CreateJoinTokenResponse> CreateJoinToken(
      const tenancy::v1::CreateJoinTokenRequest& request) = 0;
  virtual absl::StatusOr<tenancy::v1::ListClientsResponse> ListClients(
      const std::string& tenant) = 0;
  virtual absl::Status RevokeClient(const tenancy::v1::RevokeClientRequest& request) = 0;
};

}  // namespace veilsum::client
