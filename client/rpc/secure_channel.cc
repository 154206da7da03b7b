#include "client/rpc/secure_channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <algorithm>
#include <mutex>

#include "base/pki/tls13.h"

namespace veilsum::client {
namespace {

namespace tls = grpc::experimental;

// What the last handshake was refused for: gRPC reports only that there is no connection.
struct Refusal {
  std::mutex mutex;
  absl::Status status;
};

class CoordinatorVerifier final : public tls::ExternalCertificateVerifier {
 public:
  CoordinatorVerifier(std::shared_ptr<const TlsIdentity> own, std::string expected,
                      std::shared_ptr<Refusal> refusal)
      : own_(std::move(own)), expected_(std::move(expected)), refusal_(std::move(refusal)) {}

  bool Verify(tls::TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* sync_status) override {
    const grpc::string_ref leaf = request->peer_cert(), all = request->peer_cert_full_chain();
    const absl::Status status = Check({leaf.data(), leaf.size()}, {all.data(), all.size()});
    if (!status.ok())
      *sync_status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, std::string(status.message()));
    const std::lock_guard lock(refusal_->mutex);
    refusal_->status = status;
    return true;
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest*) override {}

 private:
  absl::Status Check(std::string_view leaf_pem, std::string_view all_pem) const {
    VEILSUM_ASSIGN_OR_RETURN(const CertificateChain chain,
                             CertificateChain::FromPeer(leaf_pem, all_pem, own_->root));
    VEILSUM_ASSIGN_OR_RETURN(const SpiffeId id,
                             VerifyChain(chain, own_->root, std::chrono::system_clock::now()));
    if (id.ToString() == expected_) return absl::OkStatus();
    return Unauthenticated("SA-38: the server is %s, must be %s", id.ToString(), expected_);
  }

  const std::shared_ptr<const TlsIdentity> own_;
  const std::string expected_;
  const std::shared_ptr<Refusal> refusal_;
};

std::shared_ptr<grpc::ChannelCredentials> Credentials(const LinkConfig& config,
                                                      std::shared_ptr<Refusal> refusal) {
  const tls::IdentityKeyCertPair pair{std::string(config.tls->key_pem.Expose()),
                                      config.tls->chain().ToPem()};
  tls::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(std::make_shared<tls::StaticDataCertificateProvider>(
      config.tls->root.ToPem(), std::vector{pair}));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_verify_server_certs(true);  // the chain by OpenSSL; the identity by our verifier
  options.set_check_call_host(false);     // a SPIFFE id is no host name
  options.set_certificate_verifier(tls::ExternalCertificateVerifier::Create<CoordinatorVerifier>(
      config.tls, config.coordinator_id, std::move(refusal)));
  return tls::TlsCredentials(options);
}

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(4 << 20);
  arguments.SetMaxSendMessageSize(4 << 20);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 60'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 60'000);  // and TCP_USER_TIMEOUT, as the server's
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES,
                   0);  // an upload is sent again by the round, or not at all
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                   10'000);  // despite its name: the least time that an attempt is given
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  return arguments;
}

// Until connected, refused by our own verifier, or the time is over.
absl::Status AwaitConnection(grpc::Channel& channel, Refusal& refusal, const LinkConfig& config) {
  const auto deadline = std::chrono::system_clock::now() + config.connect_timeout;
  for (;;) {
    const grpc_connectivity_state state = channel.GetState(true);
    if (state == GRPC_CHANNEL_READY) return absl::OkStatus();
    {
      const std::lock_guard lock(refusal.mutex);
      if (!refusal.status.ok())
        return Unavailable("coordinator %s: %s", config.target, refusal.status.message());
    }
    // In pieces: the channel shows no new state when an attempt after a failed one is refused.
    const auto now = std::chrono::system_clock::now();
    if (!channel.WaitForStateChange(state,
                                    std::min(deadline, now + std::chrono::milliseconds(50))) &&
        now >= deadline)
      return Unavailable("coordinator %s: no connection within %d ms", config.target,
                         config.connect_timeout.count());
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenSecureChannel(const LinkConfig& config) {
  VEILSUM_RETURN_IF_ERROR(RequireTls13());
  if (config.tls == nullptr || config.target.empty())
    return InvalidArgument("a link needs a target and a TLS identity");
  VEILSUM_ASSIGN_OR_RETURN(const SpiffeId expected, SpiffeId::Parse(config.coordinator_id));
  if (expected.role() != SpiffeRole::kCoordinator)
    return InvalidArgument("%s is a %s, not a coordinator", config.coordinator_id,
                           RoleName(expected.role()));
  const auto refusal = std::make_shared<Refusal>();
  std::shared_ptr<grpc::Channel> channel =
      grpc::CreateCustomChannel(config.target, Credentials(config, refusal), Arguments());
  VEILSUM_RETURN_IF_ERROR(AwaitConnection(*channel, *refusal, config));
  return channel;
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  if (status.error_code() == grpc::StatusCode::CANCELLED)
    return Unavailable("closed: %s", status.error_message());
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace veilsum::client
