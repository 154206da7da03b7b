#include "client/rpc/tenancy_client.h"

#include "client/rpc/secure_channel.h"
#include "veilsum/tenancy/v1/tenancy.grpc.pb.h"

namespace veilsum::client {
namespace {

using tenancy::v1::Tenancy;

class GrpcTenancyClient final : public TenancyClient {
 public:
  GrpcTenancyClient(const LinkConfig& config, std::shared_ptr<grpc::Channel> channel)
      : timeout_(config.transfer_timeout), stub_(std::move(channel)) {}

  absl::Status CreateTenant(const std::string& tenant) override {
    tenancy::v1::CreateTenantRequest request;
    request.set_tenant(tenant);
    tenancy::v1::CreateTenantResponse response;
    return Call(&Tenancy::Stub::CreateTenant, request, response);
  }
  absl::StatusOr<tenancy::v1::ListTenantsResponse> ListTenants() override {
    tenancy::v1::ListTenantsResponse response;
    VEILSUM_RETURN_IF_ERROR(
        Call(&Tenancy::Stub::ListTenants, tenancy::v1::ListTenantsRequest(), response));
    return response;
  }
  absl::Status RevokeTenant(const std::string& tenant, const std::string& reason) override {
    tenancy::v1::RevokeTenantRequest request;
    request.set_tenant(tenant);
    request.set_reason(reason);
    tenancy::v1::RevokeTenantResponse response;
    return Call(&Tenancy::Stub::RevokeTenant, request, response);
  }
  absl::StatusOr<tenancy::v1::CreateJoinTokenResponse> CreateJoinToken(
      const tenancy::v1::CreateJoinTokenRequest& request) override {
    tenancy::v1::CreateJoinTokenResponse response;
    VEILSUM_RETURN_IF_ERROR(Call(&Tenancy::Stub::CreateJoinToken, request, response));
    return response;
  }
  absl::StatusOr<tenancy::v1::ListClientsResponse> ListClients(const std::string& tenant) override {
    tenancy::v1::ListClientsRequest request;
    request.set_tenant(tenant);
    tenancy::v1::ListClientsResponse response;
    VEILSUM_RETURN_IF_ERROR(Call(&Tenancy::Stub::ListClients, request, response));
    return response;
  }
  absl::Status RevokeClient(const tenancy::v1::RevokeClientRequest& request) override {
    tenancy::v1::RevokeClientResponse response;
    return Call(&Tenancy::Stub::RevokeClient, request, response);
  }

 private:
  template <class Method, class Request, class Response>
  absl::Status Call(Method method, const Request& request, Response& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout_);
    return FromGrpc((stub_.*method)(&context, request, &response));
  }
  const std::chrono::milliseconds timeout_;
  Tenancy::Stub stub_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<TenancyClient>> TenancyClient::Connect(const LinkConfig& config) {
  VEILSUM_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, OpenSecureChannel(config));
  return std::make_unique<GrpcTenancyClient>(config, std::move(channel));
}

}  // namespace veilsum::client
