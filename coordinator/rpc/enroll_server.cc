#include "coordinator/rpc/enroll_server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "base/pki/tls13.h"
#include "coordinator/rpc/call_guard.h"
#include "coordinator/rpc/enroll_service.h"

namespace veilsum::coordinator {
namespace {

namespace tls = grpc::experimental;

constexpr int kMessageBytes = 16 * 1024;

class GrpcEnrollServer final : public EnrollServer {
 public:
  GrpcEnrollServer(std::shared_ptr<const TlsIdentity> own, IdentityOffice& office)
      : own_(std::move(own)),
        gate_(std::make_shared<const PeerGate>(own_)),
        service_(office, gate_) {}
  ~GrpcEnrollServer() override {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
  }

  absl::Status Listen(const std::string& address) {
    const tls::IdentityKeyCertPair pair{std::string(own_->key_pem.Expose()),
                                        own_->chain().ToPem() + own_->root.ToPem()};
    tls::TlsServerCredentialsOptions options(
        std::make_shared<tls::StaticDataCertificateProvider>(std::vector{pair}));
    options.watch_identity_key_cert_pairs();
    options.set_cert_request_type(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
    const auto credentials = tls::TlsServerCredentials(options);
    credentials->SetAuthMetadataProcessor(std::make_shared<CallGuard>(gate_, /*anonymous=*/true));
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(kMessageBytes);
    builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
    builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 1);
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 8 * 1024);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 30'000);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddListeningPort(address, credentials, &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) return Unavailable("cannot listen on %s", address);
    return absl::OkStatus();
  }
  int port() const override { return port_; }

 private:
  const std::shared_ptr<const TlsIdentity> own_;
  const std::shared_ptr<const PeerGate> gate_;
  EnrollService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<EnrollServer>> EnrollServer::Start(
    const std::string& listen, std::shared_ptr<const TlsIdentity> tls, IdentityOffice& office) {
  VEILSUM_RETURN_IF_ERROR(RequireTls13());
  auto server = std::make_unique<GrpcEnrollServer>(std::move(tls), office);
  VEILSUM_RETURN_IF_ERROR(server->Listen(listen));
  return server;
}

}  // namespace veilsum::coordinator
