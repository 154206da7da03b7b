#include "client/keys/client_keys.h"

#include <sys/stat.h>

#include "base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;

class ClientKeysTest : public testing::Test {
 protected:
  ClientKeysTest() {
    const auto tls = pki_.Client("acme");
    VEILSUM_CHECK(WriteFile(files_.root, pki_.ca().root().ToPem()).ok());
    VEILSUM_CHECK(WriteFile(files_.tls_certificate, tls->certificate.ToPem()).ok());
    VEILSUM_CHECK(WriteFile(files_.tls_key, tls->key_pem.Expose(), FileMode::kPrivate).ok());
    Sign(tls->id);
  }
  void Sign(const SpiffeId& id) {
    const auto signing = pki_.ca().IssueSigning(id, ValidFor(now_, std::chrono::hours(24)));
    VEILSUM_CHECK(signing.ok());
    VEILSUM_CHECK(WriteFile(files_.signing_certificate, signing->certificate.ToPem()).ok());
    VEILSUM_CHECK(
        WriteFile(files_.signing_key, signing->key_pem.Expose(), FileMode::kPrivate).ok());
  }
  const WallTime now_ = std::chrono::system_clock::now();
  const TestPki pki_;
  const TestFolder folder_;
  const KeyFiles files_{folder_.path() / "ca.pem", folder_.path() / "tls.pem",
                        folder_.path() / "tls.key", folder_.path() / "signing.pem",
                        folder_.path() / "signing.key"};
};

TEST_F(ClientKeysTest, LoadsASeat) {  // SE-03
  ASSERT_OK_AND_ASSIGN(const ClientKeys keys, ClientKeys::Load(files_, now_));
  EXPECT_EQ(keys.id().ToString(), TestPki::ClientUri("acme"));
  EXPECT_EQ(*keys.signing_certificate().Ed25519Key(), keys.signer().public_key());
  EXPECT_NE(keys.signing_certificate().Fingerprint(), keys.tls()->certificate.Fingerprint());
}

TEST_F(ClientKeysTest, RefusesAKeyThatOthersMayRead) {
  chmod(files_.signing_key.c_str(), 0604);
  EXPECT_THAT(ClientKeys::Load(files_, now_),
              StatusIs(StatusCode::kPermissionDenied, "signing.key"));
}

TEST_F(ClientKeysTest, RefusesASigningCertificateOfAnotherSeat) {
  Sign(*SpiffeId::Parse(TestPki::ClientUri("bolt")));
  EXPECT_THAT(ClientKeys::Load(files_, now_),
              StatusIs(StatusCode::kInvalidArgument, "tenant/bolt"));
}

TEST_F(ClientKeysTest, RefusesAKeyOfAnotherCertificate) {
  const std::string certificate = *ReadFile(files_.signing_certificate);
  Sign(*SpiffeId::Parse(TestPki::ClientUri("acme")));
  ASSERT_OK(WriteFile(files_.signing_certificate, certificate));
  EXPECT_THAT(ClientKeys::Load(files_, now_),
              StatusIs(StatusCode::kInvalidArgument, "not the key of"));
}

TEST_F(ClientKeysTest, RefusesWhatIsMissingOrExpired) {
  EXPECT_THAT(ClientKeys::Load(files_, now_ + std::chrono::hours(48)),
              StatusIs(StatusCode::kUnauthenticated, "expired"));
  std::filesystem::remove(files_.signing_key);
  EXPECT_THAT(ClientKeys::Load(files_, now_), StatusIs(StatusCode::kNotFound, "signing.key"));
}

}  // namespace
}  // namespace veilsum::client
