#include "coordinator/rpc/tenancy_service.h"

#include "coordinator/rpc/office_call.h"

namespace veilsum::coordinator {

grpc::ServerUnaryReactor* TenancyService::CreateTenant(
    grpc::CallbackServerContext* context, const tenancy::v1::CreateTenantRequest* request,
    tenancy::v1::CreateTenantResponse*) {
  return OfficeCall(context, *gate_, worker_, [this, request](const Principal& caller) {
    return office_.CreateTenant(caller, request->tenant());
  });
}

grpc::ServerUnaryReactor* TenancyService::ListTenants(grpc::CallbackServerContext* context,
                                                      const tenancy::v1::ListTenantsRequest*,
                                                      tenancy::v1::ListTenantsResponse* response) {
  return OfficeCall(context, *gate_, worker_, [this, response](const Principal&) {
    return Take(office_.ListTenants(), response);
  });
}

grpc::ServerUnaryReactor* TenancyService::RevokeTenant(
    grpc::CallbackServerContext* context, const tenancy::v1::RevokeTenantRequest* request,
    tenancy::v1::RevokeTenantResponse*) {
  return OfficeCall(context, *gate_, worker_, [this, request](const Principal& caller) {
    return office_.RevokeTenant(caller, *request);
  });
}

grpc::ServerUnaryReactor* TenancyService::CreateJoinToken(
    grpc::CallbackServerContext* context, const tenancy::v1::CreateJoinTokenRequest* request,
    tenancy::v1::CreateJoinTokenResponse* response) {
  return OfficeCall(context, *gate_, worker_, [this, request, response](const Principal& caller) {
    return Take(office_.CreateJoinToken(caller, *request), response);
  });
}

grpc::ServerUnaryReactor* TenancyService::ListClients(
    grpc::CallbackServerContext* context, const tenancy::v1::ListClientsRequest* request,
    tenancy::v1::ListClientsResponse* response) {
  return OfficeCall(context, *gate_, worker_, [this, request, response](const Principal& caller) {
    return Take(office_.ListClients(caller, *request), response);
  });
}

grpc::ServerUnaryReactor* TenancyService::RevokeClient(
    grpc::CallbackServerContext* context, const tenancy::v1::RevokeClientRequest* request,
    tenancy::v1::RevokeClientResponse*) {
  return OfficeCall(context, *gate_, worker_, [this, request](const Principal& caller) {
    return office_.RevokeClient(caller, *request);
  });
}

}  // namespace veilsum::coordinator
