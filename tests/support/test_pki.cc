#include "tests/support/test_pki.h"

#include <stdlib.h>

namespace veilsum {
namespace {

template <class T>
T Must(absl::StatusOr<T> result) {
  VEILSUM_CHECK(result.ok());
  return *std::move(result);
}

}  // namespace

TestFolder::TestFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "veilsum_test_XXXXXX").string();
  VEILSUM_CHECK(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TestFolder::~TestFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

IssuedCertificate PkiTestPeer::Issue(const CertificateAuthority& ca,
                                     const openssl::CertificateRequest& request) {
  const openssl::KeyPtr key = Must(openssl::NewEcKey("P-256"));
  return {Must(openssl::BuildCertificate(request, key.get(), ca.root_.handle(), ca.key_.get())),
          SecretText(Must(openssl::PrivateKeyPem(key.get())))};
}

TestPki::TestPki()
    : ca_(Must(CertificateAuthority::Create(
          "fed.test", ValidFor(std::chrono::system_clock::now(), 100 * kDay)))) {}

std::shared_ptr<const TlsIdentity> TestPki::Tls(const std::string& uri) const {
  SpiffeId id = Must(SpiffeId::Parse(uri));
  IssuedCertificate issued =
      Must(ca_.IssueTls(id, ValidFor(std::chrono::system_clock::now(), kDay), {}, {"127.0.0.1"}));
  return std::make_shared<const TlsIdentity>(TlsIdentity{ca_.root(), std::move(issued.certificate),
                                                         std::move(issued.key_pem), std::move(id)});
}

openssl::CertificateRequest TestPki::GoodRequest(const std::string& uri) {
  openssl::CertificateRequest request;
  request.common_name = "someone";
  request.uris = {uri};
  const Validity validity = ValidFor(std::chrono::system_clock::now(), kDay);
  request.not_before = validity.not_before;
  request.not_after = validity.not_after;
  request.key_usage = "critical,digitalSignature";
  request.extended_key_usage = "serverAuth,clientAuth";
  return request;
}

std::shared_ptr<const TlsIdentity> TestPki::Spoiled(const openssl::CertificateRequest& request,
                                                    const std::string& claimed) const {
  IssuedCertificate issued = PkiTestPeer::Issue(ca_, request);
  return std::make_shared<const TlsIdentity>(TlsIdentity{ca_.root(), std::move(issued.certificate),
                                                         std::move(issued.key_pem),
                                                         Must(SpiffeId::Parse(claimed))});
}

}  // namespace veilsum
