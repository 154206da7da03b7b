#include <openssl/x509.h>
#include <sys/stat.h>

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "base/pki/revocation_list.h"
#include "base/pki/seat.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"
#include "tests/unit/base/pki_moments.h"

namespace veilsum {
namespace {

const std::string kAcme = TestPki::ClientUri("acme");

TEST(CertificateAuthority, IssuesALeafThatVerifies) {
  const TestPki pki;
  ASSERT_OK_AND_ASSIGN(
      const IssuedCertificate leaf,
      pki.ca().IssueTls(Id(kAcme), ValidFor(Now(), kDay), {"a.example"}, {"127.0.0.1", "::1"}));
  ASSERT_OK_AND_ASSIGN(const SpiffeId id, VerifyLeaf(leaf.certificate, pki.ca().root(), Now()));
  EXPECT_EQ(id.ToString(), kAcme);
  EXPECT_OK(CheckKeyMatches(leaf.certificate, leaf.key_pem));
  EXPECT_FALSE(leaf.certificate.is_ca());
  EXPECT_TRUE(pki.ca().root().is_ca());
  EXPECT_THAT(leaf.certificate.Ed25519Key(),
              StatusIs(absl::StatusCode::kInvalidArgument, "not Ed25519"));
}

TEST(CertificateAuthority, SerialsAndKeysDiffer) {
  const TestPki pki;
  ASSERT_OK_AND_ASSIGN(const IssuedCertificate a,
                       pki.ca().IssueTls(Id(kAcme), ValidFor(Now(), kDay)));
  ASSERT_OK_AND_ASSIGN(const IssuedCertificate b,
                       pki.ca().IssueTls(Id(kAcme), ValidFor(Now(), kDay)));
  EXPECT_NE(a.certificate.Fingerprint(), b.certificate.Fingerprint());
  EXPECT_NE(ASN1_INTEGER_cmp(X509_get0_serialNumber(a.certificate.handle()),
                             X509_get0_serialNumber(b.certificate.handle())),
            0);
  EXPECT_THAT(CheckKeyMatches(a.certificate, b.key_pem),
              StatusIs(absl::StatusCode::kInvalidArgument, "not the certificate's"));
}

TEST(CertificateAuthority, RefusesWhatIsNotItsToIssue) {
  const TestPki pki;
  EXPECT_THAT(pki.ca().IssueTls(Id("spiffe://other.test/coordinator/n"), ValidFor(Now(), kDay)),
              StatusIs(absl::StatusCode::kInvalidArgument, "trust domain"));
  EXPECT_THAT(pki.ca().IssueTls(Id(kAcme), ValidFor(Now(), 1000 * kDay)),
              StatusIs(absl::StatusCode::kInvalidArgument, "outlives"));
  EXPECT_THAT(pki.ca().IssueTls(Id(kAcme), ValidFor(Now(), kDay), {}, {"not an address"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "malformed"));
  EXPECT_THAT(CertificateAuthority::Create("Not A Domain", ValidFor(Now(), kDay)),
              StatusIs(absl::StatusCode::kInvalidArgument, "domain"));
}

TEST(CertificateAuthority, SurvivesItsFolderAndKeepsItsKeyPrivate) {
  const TestPki pki;
  const TestFolder folder;
  ASSERT_OK(pki.ca().Save(folder.path()));
  struct stat info;
  ASSERT_EQ(stat((folder.path() / "ca.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_OK_AND_ASSIGN(const CertificateAuthority again, CertificateAuthority::Load(folder.path()));
  EXPECT_EQ(again.domain(), "fed.test");
  ASSERT_OK_AND_ASSIGN(const IssuedCertificate leaf,
                       again.IssueTls(Id(kAcme), ValidFor(Now(), kDay)));
  EXPECT_OK(VerifyLeaf(leaf.certificate, pki.ca().root(), Now()));
  chmod((folder.path() / "ca.key").c_str(), 0640);
  EXPECT_THAT(CertificateAuthority::Load(folder.path()),
              StatusIs(absl::StatusCode::kPermissionDenied, "0600"));
}

TEST(Certificate, PemAndDerGiveTheSameBytesAndFingerprint) {
  const TestPki pki;
  const Certificate& root = pki.ca().root();
  ASSERT_OK_AND_ASSIGN(const Certificate pem, Certificate::FromPem(root.ToPem()));
  ASSERT_OK_AND_ASSIGN(const Certificate der, Certificate::FromDer(root.der()));
  EXPECT_EQ(pem.der(), der.der());
  EXPECT_EQ(pem.Fingerprint(), Sha256(root.der()));
}

TEST(Certificate, RefusesMalformedBytes) {
  const TestPki pki;
  Bytes der = pki.ca().root().der();
  der.push_back(0);
  EXPECT_THAT(Certificate::FromDer(der),
              StatusIs(absl::StatusCode::kInvalidArgument, "after its end"));
  der.resize(der.size() / 2);
  EXPECT_THAT(Certificate::FromDer(der), StatusIs(absl::StatusCode::kInvalidArgument, "DER"));
  EXPECT_THAT(Certificate::FromDer({}), StatusIs(absl::StatusCode::kInvalidArgument, "0 bytes"));
  EXPECT_THAT(Certificate::FromDer(Bytes(kMaxCertificateDer + 1)),
              StatusIs(absl::StatusCode::kInvalidArgument, "4097"));
  EXPECT_THAT(Certificate::FromPem("nothing"),
              StatusIs(absl::StatusCode::kInvalidArgument, "no certificate"));
  EXPECT_THAT(Certificate::FromPem(std::string(kMaxPemText + 1, '-')),
              StatusIs(absl::StatusCode::kInvalidArgument, "at most"));
  EXPECT_THAT(Certificate::FromPem(pki.ca().root().ToPem() + pki.ca().root().ToPem()),
              StatusIs(absl::StatusCode::kInvalidArgument, "more than one"));
}

struct Spoiling {
  const char* name;
  void (*apply)(openssl::CertificateRequest&);
  const char* complaint;
};
class VerifyLeafRefuses : public testing::TestWithParam<Spoiling> {};
TEST_P(VerifyLeafRefuses, NamingTheFault) {
  const TestPki pki;
  openssl::CertificateRequest request = TestPki::GoodRequest(kAcme);
  ASSERT_OK(VerifyLeaf(PkiTestPeer::Issue(pki.ca(), request).certificate, pki.ca().root(), Now()));
  GetParam().apply(request);
  EXPECT_THAT(VerifyLeaf(PkiTestPeer::Issue(pki.ca(), request).certificate, pki.ca().root(), Now()),
              StatusIs(absl::StatusCode::kUnauthenticated, GetParam().complaint));
}
INSTANTIATE_TEST_SUITE_P(
    Faults, VerifyLeafRefuses,
    testing::Values(
        Spoiling{"TwoUris", [](auto& r) { r.uris.push_back("spiffe://fed.test/operator/op"); },
                 "more than one URI"},
        Spoiling{"TheSameUriTwice", [](auto& r) { r.uris.push_back(r.uris[0]); },
                 "more than one URI"},
        Spoiling{"CommonNameOnly",
                 [](auto& r) {
                   r.common_name = r.uris[0];
                   r.uris.clear();
                 },
                 "no subjectAltName"},
        Spoiling{"DnsOnly",
                 [](auto& r) {
                   r.uris.clear();
                   r.dns_names = {"a.example"};
                 },
                 "no URI"},
        Spoiling{"NotSpiffe", [](auto& r) { r.uris = {"https://a.example/"}; }, "not a spiffe"},
        Spoiling{"NoPath", [](auto& r) { r.uris = {"spiffe://fed.test"}; }, "names no client"},
        Spoiling{"Expired",
                 [](auto& r) {
                   r.not_before -= 3 * kDay;
                   r.not_after -= 3 * kDay;
                 },
                 "expired"},
        Spoiling{"NotYetValid", [](auto& r) { r.not_before += kDay / 2; }, "not yet valid"},
        Spoiling{"MaySign", [](auto& r) { r.is_ca = true; }, "cA = true"},
        Spoiling{"KeyCertSign",
                 [](auto& r) { r.key_usage = "critical,digitalSignature,keyCertSign"; },
                 "key usage"},
        Spoiling{"NoDigitalSignature", [](auto& r) { r.key_usage = "critical,keyAgreement"; },
                 "key usage"},
        Spoiling{"NoKeyUsage", [](auto& r) { r.key_usage.clear(); }, "key usage"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(VerifyLeaf, RefusesAnotherRootOfTheSameName) {
  const TestPki ours, theirs;
  const auto leaf = theirs.Client("acme");
  EXPECT_THAT(VerifyLeaf(leaf->certificate, ours.ca().root(), Now()),
              StatusIs(absl::StatusCode::kUnauthenticated, "certificate"));
}

TEST(VerifyLeaf, RefusesALeafSignedByALeaf) {
  const TestPki pki;
  openssl::CertificateRequest middle = TestPki::GoodRequest(kAcme);
  const auto issuer_key = *openssl::NewEcKey("P-256");
  const auto issuer =
      *openssl::BuildCertificate(middle, issuer_key.get(), nullptr, issuer_key.get());
  const auto key = *openssl::NewEcKey("P-256");
  const auto leaf = *openssl::BuildCertificate(TestPki::GoodRequest(kAcme), key.get(),
                                               issuer.handle(), issuer_key.get());
  EXPECT_THAT(VerifyLeaf(leaf, pki.ca().root(), Now()),
              StatusIs(absl::StatusCode::kUnauthenticated, ""));
}

TEST(VerifyLeaf, LooksAtTheGivenTime) {
  const TestPki pki;
  const auto leaf = pki.Client("acme");
  EXPECT_OK(VerifyLeaf(leaf->certificate, pki.ca().root(),
                       leaf->certificate.not_after() - std::chrono::seconds(2)));
  EXPECT_THAT(VerifyLeaf(leaf->certificate, pki.ca().root(),
                         leaf->certificate.not_after() + std::chrono::seconds(2)),
              StatusIs(absl::StatusCode::kUnauthenticated, "expired"));
}

TEST(SigningCertificate, SignsForTheSeatOfItsUri) {  // SE-03, SA-01
  const TestPki pki;
  ASSERT_OK_AND_ASSIGN(const IssuedCertificate issued,
                       pki.ca().IssueSigning(Id(kAcme), ValidFor(Now(), kDay)));
  ASSERT_OK_AND_ASSIGN(const Ed25519Signer signer, ReadEd25519Signer(issued.key_pem));
  const Hash32 fingerprint = issued.certificate.Fingerprint();
  ASSERT_OK_AND_ASSIGN(const VerifiedSeat seat,
                       VerifySeat(issued.certificate.der(), fingerprint, pki.ca().root(), Now()));
  EXPECT_EQ(seat.id.ToString(), kAcme);
  EXPECT_EQ(seat.key, signer.public_key());
  EXPECT_TRUE(Ed25519Verify(seat.key, AsBytes("text"), signer.Sign(AsBytes("text"))));

  Hash32 other = fingerprint;
  other[0] ^= 1;
  EXPECT_THAT(VerifySeat(issued.certificate.der(), other, pki.ca().root(), Now()),
              StatusIs(absl::StatusCode::kUnauthenticated, "SA-01"));
  EXPECT_THAT(VerifySeat(issued.certificate.der(), fingerprint, TestPki().ca().root(), Now()),
              StatusIs(absl::StatusCode::kUnauthenticated, "SA-01"));
}

TEST(RevocationList, IsReadAgainWhenItChangesAndRefusesEverybodyWhenBroken) {  // SA-01
  const TestFolder folder;
  const std::filesystem::path file = folder.path() / "revoked";
  EXPECT_THAT(RevocationList::Open(file), StatusIs(absl::StatusCode::kNotFound, "revoked"));
  const Hash32 good{1}, bad{2};
  ASSERT_OK(WriteFile(file, "# nobody yet\n\n"));
  ASSERT_OK_AND_ASSIGN(const auto list, RevocationList::Open(file));
  EXPECT_OK(list->Check(bad));
  ASSERT_OK(WriteFile(file, "  " + HexEncode(bad) + "  # lost its key\n"));
  EXPECT_THAT(list->Check(bad), StatusIs(absl::StatusCode::kUnauthenticated, "is revoked"));
  EXPECT_OK(list->Check(good));
  ASSERT_OK(WriteFile(file, HexEncode(bad) + "\nabc\n"));
  EXPECT_THAT(list->Check(good), StatusIs(absl::StatusCode::kUnauthenticated, "revoked:2"));
  EXPECT_THAT(RevocationList::Open(file), StatusIs(absl::StatusCode::kInvalidArgument, ":2"));
  std::filesystem::remove(file);
  EXPECT_THAT(list->Check(good), StatusIs(absl::StatusCode::kUnauthenticated, "cannot be read"));
  ASSERT_OK(WriteFile(file, ""));
  EXPECT_OK(list->Check(bad));
}

TEST(SigningCertificate, OfACoordinatorHasNoSeat) {
  const TestPki pki;
  ASSERT_OK_AND_ASSIGN(const IssuedCertificate issued,
                       pki.ca().IssueSigning(Id(TestPki::CoordinatorUri()), ValidFor(Now(), kDay)));
  EXPECT_THAT(VerifySeat(issued.certificate.der(), issued.certificate.Fingerprint(),
                         pki.ca().root(), Now()),
              StatusIs(absl::StatusCode::kUnauthenticated, "no seat"));
}

TEST(SigningCertificate, ATlsLeafIsNone) {
  const TestPki pki;
  const auto leaf = pki.Client("acme");
  EXPECT_THAT(
      VerifySeat(leaf->certificate.der(), leaf->certificate.Fingerprint(), pki.ca().root(), Now()),
      StatusIs(absl::StatusCode::kInvalidArgument, "Ed25519"));
  EXPECT_FALSE(ReadEd25519Signer(leaf->key_pem).ok());
}

TEST(LoadTlsIdentity, ReadsChecksAndComplains) {
  const TestPki pki;
  const TestFolder folder;
  const auto leaf = pki.Client("acme");
  const auto root_file = folder.path() / "ca.pem", certificate_file = folder.path() / "tls.pem",
             key_file = folder.path() / "tls.key";
  ASSERT_OK(WriteFile(root_file, pki.ca().root().ToPem()));
  ASSERT_OK(WriteFile(certificate_file, leaf->certificate.ToPem()));
  ASSERT_OK(WriteFile(key_file, leaf->key_pem.Expose(), FileMode::kPrivate));
  ASSERT_OK_AND_ASSIGN(const TlsIdentity identity,
                       LoadTlsIdentity(root_file, certificate_file, key_file, Now()));
  EXPECT_EQ(identity.id.ToString(), kAcme);
  EXPECT_THAT(LoadTlsIdentity(root_file, certificate_file, key_file, Now() + 10 * kDay),
              StatusIs(absl::StatusCode::kUnauthenticated, "tls.pem"));
  ASSERT_OK(WriteFile(key_file, pki.Client("acme")->key_pem.Expose(), FileMode::kPrivate));
  EXPECT_THAT(LoadTlsIdentity(root_file, certificate_file, key_file, Now()),
              StatusIs(absl::StatusCode::kInvalidArgument, "tls.key"));
  chmod(key_file.c_str(), 0644);
  EXPECT_THAT(LoadTlsIdentity(root_file, certificate_file, key_file, Now()),
              StatusIs(absl::StatusCode::kPermissionDenied, "0600"));
}

}  // namespace
}  // namespace veilsum
