// The RPCs about tenants: translate, delegate, translate.
#pragma once

#include "coordinator/identity/identity_office.h"
#include "coordinator/rpc/peer_identity.h"
#include "coordinator/rpc/worker_thread.h"
#include "veilsum/tenancy/v1/tenancy.grpc.pb.h"

namespace veilsum::coordinator {

class TenancyService final : public tenancy::v1::Tenancy::CallbackService {
 public:
  TenancyService(IdentityOffice& office, std::shared_ptr<const PeerGate> gate)
      : office_(office), gate_(std::move(gate)) {}

  grpc::ServerUnaryReactor* CreateTenant(grpc::CallbackServerContext* context,
                                         const tenancy::v1::CreateTenantRequest* request,
                                         tenancy::v1::CreateTenantResponse* response) override;
  grpc::ServerUnaryReactor* ListTenants(grpc::CallbackServerContext* context,
                                        const tenancy::v1::ListTenantsRequest* request,
                                        tenancy::v1::ListTenantsResponse* response) override;
  grpc::ServerUnaryReactor* RevokeTenant(grpc::CallbackServerContext* context,
                                         const tenancy::v1::RevokeTenantRequest* request,
                                         tenancy::v1::RevokeTenantResponse* response) override;
  grpc::ServerUnaryReactor* CreateJoinToken(
      grpc::CallbackServerContext* context, const tenancy::v1::CreateJoinTokenRequest* request,
      tenancy::v1::CreateJoinTokenResponse* response) override;
  grpc::ServerUnaryReactor* ListClients(grpc::CallbackServerContext* context,
                                        const tenancy::v1::ListClientsRequest* request,
                                        tenancy::v1::ListClientsResponse* response) override;
  grpc::ServerUnaryReactor* RevokeClient(grpc::CallbackServerContext* context,
                                         const tenancy::v1::RevokeClientRequest* request,
                                         tenancy::v1::RevokeClientResponse* response) override;

 private:
  IdentityOffice& office_;
  const std::shared_ptr<const PeerGate> gate_;
  WorkerThread worker_;
};

}  // namespace veilsum::coordinator
