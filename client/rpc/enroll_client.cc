#include "client/rpc/enroll_client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>

#include <mutex>
#include <thread>

#include "base/pki/signing_request.h"
#include "base/pki/tls13.h"
#include "client/rpc/secure_channel.h"
#include "veilsum/enroll/v1/enroll.grpc.pb.h"

namespace veilsum::client {
namespace {

namespace tls = grpc::experimental;

constexpr std::chrono::seconds kPatience{20};
constexpr int kPaceRetries = 10;  // the server takes one attempt a second from one address

struct Shown {
  std::mutex mutex;
  absl::Status status = Unavailable("nobody answers there");
  std::optional<Certificate> root;
};

// Knows nothing but the token: the root is the one of its hash, or nobody's.
class TokenVerifier final : public tls::ExternalCertificateVerifier {
 public:
  TokenVerifier(JoinToken token, std::shared_ptr<Shown> shown)
      : token_(std::move(token)), shown_(std::move(shown)) {}

  bool Verify(tls::TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* sync_status) override {
    const grpc::string_ref leaf = request->peer_cert(), all = request->peer_cert_full_chain();
    const std::lock_guard lock(shown_->mutex);
    shown_->status = Check({leaf.data(), leaf.size()}, {all.data(), all.size()});
    if (!shown_->status.ok())
      *sync_status =
          grpc::Status(grpc::StatusCode::UNAUTHENTICATED, std::string(shown_->status.message()));
    return true;
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest*) override {}

 private:
  absl::Status Check(std::string_view leaf_pem, std::string_view all_pem) {
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<Certificate> all, CertificatesFromPem(all_pem, 4));
    const auto root = std::ranges::find_if(
        all, [&](const Certificate& shown) { return shown.Fingerprint() == token_.root; });
    if (root == all.end())
      return Unauthenticated("the server's root is not the one that the join token names");
    VEILSUM_ASSIGN_OR_RETURN(const CertificateChain chain,
                             CertificateChain::FromPeer(leaf_pem, all_pem, *root));
    VEILSUM_ASSIGN_OR_RETURN(const SpiffeId id,
                             VerifyChain(chain, *root, std::chrono::system_clock::now()));
    if (id != token_.coordinator)
      return Unauthenticated("the server is %s, the join token names %s", id.ToString(),
                             token_.coordinator.ToString());
    shown_->root = *root;
    return absl::OkStatus();
  }
  const JoinToken token_;
  const std::shared_ptr<Shown> shown_;
};

std::shared_ptr<grpc::Channel> OpenChannel(const JoinToken& token, std::shared_ptr<Shown> shown) {
  tls::TlsChannelCredentialsOptions options;
  options.set_verify_server_certs(false);  // OpenSSL knows no root yet; the verifier does
  options.set_check_call_host(false);
  options.set_certificate_verifier(
      tls::ExternalCertificateVerifier::Create<TokenVerifier>(token, std::move(shown)));
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(64 * 1024);
  return grpc::CreateCustomChannel(token.address, tls::TlsCredentials(options), arguments);
}

// The chain in `der`, which must be `id`'s and for the key of `request`.
absl::StatusOr<CertificateChain> Checked(const std::string& der, const Bytes& request, KeyKind kind,
                                         const SpiffeId& id, const Certificate& root) {
  VEILSUM_ASSIGN_OR_RETURN(CertificateChain chain, CertificateChain::FromDer(AsBytes(der)));
  VEILSUM_ASSIGN_OR_RETURN(const SpiffeId certified,
                           VerifyChain(chain, root, std::chrono::system_clock::now()));
  VEILSUM_ASSIGN_OR_RETURN(const RequestedKey key, ParseSigningRequest(request, kind));
  if (certified != id || chain.leaf().KeyFingerprint() != key.fingerprint)
    return Unauthenticated("the certificate that came back is of %s or of another key",
                           certified.ToString());
  return chain;
}

absl::StatusOr<IssuedCertificates> Checked(const enroll::v1::Certificates& answer,
                                           const Bytes& tls_request, const Bytes& signing_request,
                                           const SpiffeId& id, const Certificate& root) {
  VEILSUM_ASSIGN_OR_RETURN(CertificateChain tls_chain,
                           Checked(answer.tls(), tls_request, KeyKind::kTls, id, root));
  VEILSUM_ASSIGN_OR_RETURN(CertificateChain signing_chain,
                           Checked(answer.signing(), signing_request, KeyKind::kSigning, id, root));
  return IssuedCertificates{root, std::move(tls_chain), std::move(signing_chain),
                            answer.coordinator_address()};
}

}  // namespace

absl::StatusOr<IssuedCertificates> RedeemToken(const std::string& token_text,
                                               const JoinToken& token, const Bytes& tls_request,
                                               const Bytes& signing_request) {
  VEILSUM_RETURN_IF_ERROR(RequireTls13());
  const auto shown = std::make_shared<Shown>();
  enroll::v1::Enroll::Stub stub(OpenChannel(token, shown));
  enroll::v1::RedeemRequest request;
  request.set_token(token_text);
  request.set_tls_request(tls_request.data(), tls_request.size());
  request.set_signing_request(signing_request.data(), signing_request.size());
  enroll::v1::Certificates answer;
  for (int attempt = 0;; ++attempt) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    const absl::Status status = FromGrpc(stub.Redeem(&context, request, &answer));
    if (status.ok()) break;
    {
      const std::lock_guard lock(shown->mutex);
      if (!shown->status.ok()) return Annotate(shown->status, token.address);
    }
    if (!absl::IsResourceExhausted(status) || attempt == kPaceRetries) return status;
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  }
  const std::lock_guard lock(shown->mutex);
  return Checked(answer, tls_request, signing_request, token.subject, *shown->root);
}

absl::StatusOr<IssuedCertificates> RenewCertificates(const LinkConfig& config,
                                                     const Bytes& tls_request,
                                                     const Bytes& signing_request) {
  VEILSUM_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, OpenSecureChannel(config));
  enroll::v1::Enroll::Stub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  enroll::v1::RenewRequest request;
  request.set_tls_request(tls_request.data(), tls_request.size());
  request.set_signing_request(signing_request.data(), signing_request.size());
  enroll::v1::Certificates answer;
  VEILSUM_RETURN_IF_ERROR(FromGrpc(stub.Renew(&context, request, &answer)));
  return Checked(answer, tls_request, signing_request, config.tls->id, config.tls->root);
}

}  // namespace veilsum::client
