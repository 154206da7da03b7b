#include "coordinator/rpc/rpc_server.h"

#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "base/pki/tls13.h"
#include "coordinator/rpc/admin_service.h"
#include "coordinator/rpc/call_guard.h"
#include "coordinator/rpc/enroll_service.h"
#include "coordinator/rpc/rounds_service.h"
#include "coordinator/rpc/tenancy_service.h"
#include "coordinator/rpc/updates_service.h"

namespace veilsum::coordinator {
namespace {

namespace tls = grpc::experimental;

constexpr char kRoundsName[] = "veilsum.coordinator.v1.Rounds";
constexpr char kAdminName[] = "veilsum.admin.v1.Admin";
constexpr char kUpdatesName[] = "veilsum.rollout.v1.Updates";
constexpr char kEnrollName[] = "veilsum.enroll.v1.Enroll";
constexpr char kTenancyName[] = "veilsum.tenancy.v1.Tenancy";

// Ends a handshake whose leaf our own rules refuse, so that such a peer reaches no service at all,
// not even health.
class LeafVerifier final : public tls::ExternalCertificateVerifier {
 public:
  LeafVerifier(std::shared_ptr<const PeerGate> gate, RpcObserver* observer)
      : gate_(std::move(gate)), observer_(observer) {}
  bool Verify(tls::TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* sync_status) override {
    const grpc::string_ref leaf = request->peer_cert(), all = request->peer_cert_full_chain();
    const auto peer = gate_->Verify({leaf.data(), leaf.size()}, {all.data(), all.size()});
    const absl::Status status = peer.ok() ? gate_->CheckDenied(*peer) : peer.status();
    if (!status.ok() && observer_ != nullptr) observer_->Denied("handshake");
    if (!status.ok())
      *sync_status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, std::string(status.message()));
    return true;
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest*) override {}

 private:
  const std::shared_ptr<const PeerGate> gate_;
  RpcObserver* const observer_;
};

std::shared_ptr<tls::CertificateProviderInterface> Certificates(const RpcServerConfig& config) {
  if (config.reload)
    return std::make_shared<tls::FileWatcherCertificateProvider>(
        config.reload->key.string(), config.reload->certificate.string(),
        config.reload->root.string(), /*refresh_interval_sec=*/1);
  const TlsIdentity& own = *config.tls;
  const tls::IdentityKeyCertPair pair{std::string(own.key_pem.Expose()), own.chain().ToPem()};
  return std::make_shared<tls::StaticDataCertificateProvider>(own.root.ToPem(), std::vector{pair});
}

std::shared_ptr<grpc::ServerCredentials> MutualTls(const RpcServerConfig& config,
                                                   std::shared_ptr<const PeerGate> gate) {
  tls::TlsServerCredentialsOptions options(Certificates(config));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.set_certificate_verifier(
      tls::ExternalCertificateVerifier::Create<LeafVerifier>(gate, config.observer));
  auto credentials = tls::TlsServerCredentials(options);
  credentials->SetAuthMetadataProcessor(std::make_shared<CallGuard>(
      std::move(gate), /*anonymous=*/false,
      std::make_shared<TenantQuota>(config.limits.tenant_calls), config.observer));
  return credentials;
}

void SetLimits(const RpcLimits& limits, grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(limits.max_message_bytes);
  builder.SetMaxSendMessageSize(limits.max_message_bytes);
  // No peer makes us inflate anything.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits.max_concurrent_streams);
  // What a stream may send before it is read, and what a connection reads at once: left to itself
  // gRPC lets both grow to several MiB a connection and keeps them (SE-19).
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, limits.stream_window_bytes);
  builder.AddChannelArgument(GRPC_ARG_TCP_MAX_READ_CHUNK_SIZE, limits.read_chunk_bytes);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 8 * 1024);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  // Also gRPC's TCP_USER_TIMEOUT, 20 s by itself: a peer that takes nothing from its socket for so
  // long is cut off, which a member on an overloaded machine must not be. Rounds have their own
  // deadlines.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 15 * 60'000);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT,
                             0);  // two coordinators on one port must be an error
  grpc::ResourceQuota quota("veilsum_rpc");
  quota.Resize(limits.memory_bytes);
  builder.SetResourceQuota(quota);
}

class GrpcServer final : public RpcServer {
 public:
  GrpcServer(const RpcServerConfig& config, RoundsBackend& rounds, AdminBackend& admin)
      : gate_(std::make_shared<const PeerGate>(config.tls, config.deny)),
        streams_(gate_, config.limits.tenant_streams, config.observer),
        rounds_(rounds, gate_, config.limits, config.observer),
        admin_(admin, config.records, gate_, config.limits),
        updates_(config.releases, config.standby, gate_, config.limits) {}
  ~GrpcServer() override { Shutdown(std::chrono::milliseconds(0)); }

  absl::Status Listen(const RpcServerConfig& config) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    SetLimits(config.limits, builder);
    builder.AddListeningPort(config.listen, MutualTls(config, gate_), &port_);
    builder.RegisterService(&rounds_);
    builder.RegisterService(&admin_);
    builder.RegisterService(&updates_);
    if (config.office != nullptr) {
      enroll_ = std::make_unique<EnrollService>(*config.office, gate_);
      tenancy_ = std::make_unique<TenancyService>(*config.office, gate_);
      builder.RegisterService(enroll_.get());
      builder.RegisterService(tenancy_.get());
    }
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> watches;
    watches.push_back(streams_.Factory());
    if (config.answered != nullptr) watches.push_back(WatchAnsweredCalls(config.answered));
    builder.experimental().SetInterceptorCreators(std::move(watches));
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) return Unavailable("cannot listen on %s", config.listen);
    SetServing(!config.standby);
    return absl::OkStatus();
  }

  int port() const override { return port_; }

  void Shutdown(std::chrono::milliseconds grace) override {
    if (server_ == nullptr || std::exchange(down_, true)) return;
    SetServing(false);
    const absl::Status reason = Unavailable("the coordinator is shutting down");
    rounds_.CloseAll(reason);
    admin_.CloseAll(reason);
    server_->Shutdown(std::chrono::system_clock::now() + grace);
    rounds_.WaitUntilEmpty();
    server_.reset();
  }

 private:
  void SetServing(bool serving) {
    grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
    if (health == nullptr) return;
    health->SetServingStatus(kRoundsName, serving);
    health->SetServingStatus(kAdminName, serving);
    health->SetServingStatus(kUpdatesName, serving);
    if (enroll_ != nullptr) health->SetServingStatus(kEnrollName, serving);
    if (tenancy_ != nullptr) health->SetServingStatus(kTenancyName, serving);
    health->SetServingStatus("", serving);
  }

  const std::shared_ptr<const PeerGate> gate_;
  OpenStreams streams_;
  RoundsService rounds_;
  AdminService admin_;
  UpdatesService updates_;
  std::unique_ptr<EnrollService> enroll_;
  std::unique_ptr<TenancyService> tenancy_;
  int port_ = 0;
  bool down_ = false;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(const RpcServerConfig& config,
                                                            RoundsBackend& rounds,
                                                            AdminBackend& admin) {
  VEILSUM_RETURN_IF_ERROR(RequireTls13());
  if (config.tls == nullptr || config.tls->id.role() != SpiffeRole::kCoordinator)
    return InvalidArgument("the server's certificate must be a coordinator's");
  if (config.limits.uploads_admitted < 1)
    return InvalidArgument("uploads_admitted is %d, must be at least 1",
                           config.limits.uploads_admitted);
  auto server = std::make_unique<GrpcServer>(config, rounds, admin);
  VEILSUM_RETURN_IF_ERROR(server->Listen(config));
  return server;
}

}  // namespace veilsum::coordinator
