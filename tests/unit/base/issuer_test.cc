// Issuers below the root, requests for keys that stay at home, and keys encrypted at rest.
#include "base/pki/issuer.h"

#include <sys/stat.h>

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "base/pki/credentials.h"
#include "base/pki/seat.h"
#include "base/pki/signing_request.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"
#include "tests/unit/base/pki_moments.h"

namespace veilsum {
namespace {

using absl::StatusCode;

class IssuerTest : public testing::Test {
 protected:
  // An issuer as the root signs it, saved and loaded again.
  absl::StatusOr<Issuer> Make(std::string_view tenant, const SecretText* passphrase = nullptr) {
    VEILSUM_ASSIGN_OR_RETURN(const IssuedCertificate made,
                             pki_.ca().IssueIssuer(tenant, ValidFor(Now(), 10 * kDay)));
    VEILSUM_RETURN_IF_ERROR(WriteFile(folder_.path() / "issuer.pem", made.certificate.ToPem()));
    VEILSUM_RETURN_IF_ERROR(
        WritePrivateKey(folder_.path() / "issuer.key", made.key_pem, passphrase));
    return Issuer::Load(folder_.path(), pki_.ca().root(), Now(), passphrase);
  }
  static RequestedKey Key(KeyKind kind) {
    const SecretText pem = (kind == KeyKind::kTls ? NewTlsKey() : NewSigningKey()).value();
    return ParseSigningRequest(MakeSigningRequest(pem).value(), kind).value();
  }
  static const std::string& Acme() {
    static const std::string uri = TestPki::ClientUri("acme");
    return uri;
  }

  const TestPki pki_;
  const TestFolder folder_;
};

TEST_F(IssuerTest, SignsForKeysThatStayAtHome) {
  ASSERT_OK_AND_ASSIGN(const Issuer issuer, Make(""));
  const RequestedKey key = Key(KeyKind::kTls);
  ASSERT_OK_AND_ASSIGN(const CertificateChain chain, issuer.Issue(key, Id(Acme()), Now(), kDay));
  EXPECT_EQ(chain.leaf().KeyFingerprint(), key.fingerprint);
  ASSERT_OK_AND_ASSIGN(const SpiffeId id, VerifyChain(chain, pki_.ca().root(), Now()));
  EXPECT_EQ(id.ToString(), Acme());
  EXPECT_FALSE(VerifyLeaf(chain.leaf(), pki_.ca().root(), Now()).ok()) << "without its issuer";
  EXPECT_THAT(VerifyChain(chain, pki_.ca().root(), Now() + 2 * kDay),
              StatusIs(StatusCode::kUnauthenticated, "expired"));
  EXPECT_FALSE(VerifyChain(chain, TestPki().ca().root(), Now()).ok()) << "another root";
}

TEST_F(IssuerTest, ItsLeavesDoNotOutliveIt) {
  ASSERT_OK_AND_ASSIGN(const Issuer issuer, Make(""));
  ASSERT_OK_AND_ASSIGN(const CertificateChain chain,
                       issuer.Issue(Key(KeyKind::kTls), Id(Acme()), Now(), 100 * kDay));
  EXPECT_EQ(chain.leaf().not_after(), issuer.certificate().not_after());
}

TEST_F(IssuerTest, ATenantsIssuerSpeaksForThatTenantAlone) {
  ASSERT_OK_AND_ASSIGN(const Issuer acme, Make("acme"));
  const RequestedKey key = Key(KeyKind::kTls);
  ASSERT_OK_AND_ASSIGN(const CertificateChain own, acme.Issue(key, Id(Acme()), Now(), kDay));
  EXPECT_OK(VerifyChain(own, pki_.ca().root(), Now()));
  // What it refuses to sign, and what nobody accepts when it is signed with its key all the same.
  for (const std::string& uri :
       {TestPki::ClientUri("bolt"), TestPki::CoordinatorUri(),
        std::string("spiffe://fed.test/operator/op"), TestPki::ClientUri("acme-2")}) {
    EXPECT_THAT(acme.Issue(key, Id(uri), Now(), kDay),
                StatusIs(StatusCode::kInvalidArgument, "may not speak for"));
    ASSERT_OK_AND_ASSIGN(const std::string pem, ReadFile(folder_.path() / "issuer.key"));
    const openssl::KeyPtr issuer_key = openssl::ParsePrivateKey(pem);
    ASSERT_OK_AND_ASSIGN(const Certificate forged,
                         openssl::BuildCertificate(TestPki::GoodRequest(uri), key.key.get(),
                                                   acme.certificate().handle(), issuer_key.get()));
    EXPECT_THAT(VerifyChain({forged, acme.certificate()}, pki_.ca().root(), Now()),
                StatusIs(StatusCode::kUnauthenticated, "may not speak for"))
        << uri;
  }
}

TEST_F(IssuerTest, ATenantsIssuerMakesNoFurtherIssuers) {
  ASSERT_OK_AND_ASSIGN(const Issuer acme, Make("acme"));
  ASSERT_OK_AND_ASSIGN(const std::string pem, ReadFile(folder_.path() / "issuer.key"));
  const openssl::KeyPtr issuer_key = openssl::ParsePrivateKey(pem);
  openssl::CertificateRequest request = TestPki::GoodRequest("spiffe://fed.test");
  request.is_ca = true;
  request.key_usage = "critical,keyCertSign";
  ASSERT_OK_AND_ASSIGN(const openssl::KeyPtr key, openssl::NewEcKey("P-256"));
  ASSERT_OK_AND_ASSIGN(
      const Certificate below,
      openssl::BuildCertificate(request, key.get(), acme.certificate().handle(), issuer_key.get()));
  ASSERT_OK_AND_ASSIGN(const Certificate leaf,
                       openssl::BuildCertificate(TestPki::GoodRequest(TestPki::ClientUri("bolt")),
                                                 key.get(), below.handle(), key.get()));
  EXPECT_FALSE(VerifyChain({leaf, below}, pki_.ca().root(), Now()).ok());
}

TEST_F(IssuerTest, ATenantMayKeepTheKeyOfItsIssuer) {
  const RequestedKey key = Key(KeyKind::kTls);
  ASSERT_OK_AND_ASSIGN(const Certificate certificate,
                       pki_.ca().SignIssuer(key, "acme", ValidFor(Now(), kDay)));
  EXPECT_EQ(certificate.KeyFingerprint(), key.fingerprint);
  ASSERT_OK_AND_ASSIGN(const std::string uri, certificate.Uri());
  EXPECT_EQ(uri, "spiffe://fed.test/tenant/acme");
}

TEST_F(IssuerTest, AChainTravelsAsTheBytesOfASeat) {  // SA-01
  ASSERT_OK_AND_ASSIGN(const Issuer issuer, Make(""));
  ASSERT_OK_AND_ASSIGN(const CertificateChain chain,
                       issuer.Issue(Key(KeyKind::kSigning), Id(Acme()), Now(), kDay));
  const Bytes der = chain.der();
  EXPECT_LE(der.size(), kMaxCertificateDer);
  ASSERT_OK_AND_ASSIGN(const VerifiedSeat seat,
                       VerifySeat(der, Sha256(der), pki_.ca().root(), Now()));
  EXPECT_EQ(seat.id.ToString(), Acme());
  EXPECT_THAT(VerifySeat(der, chain.leaf().Fingerprint(), pki_.ca().root(), Now()),
              StatusIs(StatusCode::kUnauthenticated, "fingerprint"));
  ASSERT_OK_AND_ASSIGN(const CertificateChain again, CertificateChain::FromPem(chain.ToPem()));
  EXPECT_EQ(again.der(), der);
  Bytes longer = der;
  longer.push_back(0);
  EXPECT_THAT(CertificateChain::FromDer(longer), StatusIs(StatusCode::kInvalidArgument, ""));
  Bytes two_leaves = chain.leaf().der();
  two_leaves.insert(two_leaves.end(), chain.leaf().der().begin(), chain.leaf().der().end());
  EXPECT_THAT(CertificateChain::FromDer(two_leaves),
              StatusIs(StatusCode::kInvalidArgument, "no issuer"));
}

TEST_F(IssuerTest, TakesWhatAHandshakeShows) {
  ASSERT_OK_AND_ASSIGN(const Issuer issuer, Make(""));
  ASSERT_OK_AND_ASSIGN(const CertificateChain chain,
                       issuer.Issue(Key(KeyKind::kTls), Id(Acme()), Now(), kDay));
  const Certificate& root = pki_.ca().root();
  const std::string leaf = chain.leaf().ToPem(), between = issuer.certificate().ToPem();
  for (const std::string& all : {between, leaf + between, leaf + between + root.ToPem()}) {
    ASSERT_OK_AND_ASSIGN(const CertificateChain shown, CertificateChain::FromPeer(leaf, all, root));
    EXPECT_OK(VerifyChain(shown, root, Now()));
  }
  ASSERT_OK_AND_ASSIGN(const CertificateChain alone, CertificateChain::FromPeer(leaf, "", root));
  EXPECT_FALSE(VerifyChain(alone, root, Now()).ok());
}

TEST(SigningRequest, ProvesTheKeyAndNothingElse) {
  const SecretText tls = NewTlsKey().value(), signing = NewSigningKey().value();
  ASSERT_OK_AND_ASSIGN(const Bytes request, MakeSigningRequest(tls));
  EXPECT_OK(ParseSigningRequest(request, KeyKind::kTls));
  EXPECT_THAT(ParseSigningRequest(request, KeyKind::kSigning),
              StatusIs(StatusCode::kInvalidArgument, "Ed25519"));
  ASSERT_OK_AND_ASSIGN(const Bytes other, MakeSigningRequest(signing));
  EXPECT_OK(ParseSigningRequest(other, KeyKind::kSigning));
  EXPECT_THAT(ParseSigningRequest(other, KeyKind::kTls),
              StatusIs(StatusCode::kInvalidArgument, "P-256"));
  Bytes forged = request;
  forged.back() ^= 1;
  EXPECT_FALSE(ParseSigningRequest(forged, KeyKind::kTls).ok());
  EXPECT_THAT(ParseSigningRequest(ByteView(request).first(40), KeyKind::kTls),
              StatusIs(StatusCode::kInvalidArgument, "PKCS#10"));
  EXPECT_THAT(ParseSigningRequest({}, KeyKind::kTls), StatusIs(StatusCode::kInvalidArgument, ""));
}

TEST_F(IssuerTest, KeysAreEncryptedAtRest) {
  const SecretText passphrase(std::string("correct horse battery"));
  ASSERT_OK(Make("", &passphrase));
  const auto file = folder_.path() / "issuer.key";
  ASSERT_OK_AND_ASSIGN(const std::string sealed, ReadFile(file));
  EXPECT_THAT(sealed, testing::StartsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
  struct stat info;
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_THAT(ReadPrivateKey(file), StatusIs(StatusCode::kInvalidArgument, "encrypted"));
  const SecretText wrong(std::string("correct horse battery?"));
  EXPECT_THAT(ReadPrivateKey(file, &wrong), StatusIs(StatusCode::kInvalidArgument, "passphrase"));
  ASSERT_OK(WriteFile(folder_.path() / "pass", "correct horse battery\n", FileMode::kPrivate));
  ASSERT_OK_AND_ASSIGN(const SecretText read, ReadPassphrase(folder_.path() / "pass"));
  EXPECT_OK(ReadPrivateKey(file, &read));
  ASSERT_EQ(chmod((folder_.path() / "pass").c_str(), 0644), 0);
  EXPECT_THAT(ReadPassphrase(folder_.path() / "pass"), StatusIs(StatusCode::kPermissionDenied, ""));
}

}  // namespace
}  // namespace veilsum
