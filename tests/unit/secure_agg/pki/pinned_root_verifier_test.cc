#include "secure_agg/pki/pinned_root_verifier.h"

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"

namespace veilsum::secure_agg {
namespace {

using absl::StatusCode;
using std::chrono::hours;

class PinnedRoot : public testing::Test {
 protected:
  PinnedRoot() {
    VEILSUM_CHECK(WriteFile(list_, "").ok());
    revoked_ = RevocationList::Open(list_).value();
  }
  Certificate Signing(const std::string& tenant) {
    const SpiffeId id = SpiffeId::Parse(TestPki::ClientUri(tenant)).value();
    return pki_.ca().IssueSigning(id, ValidFor(now_, hours(24))).value().certificate;
  }
  absl::StatusOr<SeatIdentity> Verify(const Certificate& certificate) {
    return verifier_.Verify(certificate.der(), certificate.Fingerprint());
  }

  const TestPki pki_;
  const TestFolder folder_;
  const std::filesystem::path list_ = folder_.path() / "revoked";
  WallTime now_ = std::chrono::system_clock::now();
  std::shared_ptr<RevocationList> revoked_;
  PinnedRootVerifier verifier_{pki_.ca().root(), [this] { return now_; }, nullptr};
};

TEST_F(PinnedRoot, SA01_DatesCountForACertificateThatIsKnownToo) {
  const Certificate signing = Signing("acme");
  ASSERT_OK_AND_ASSIGN(const SeatIdentity seat, Verify(signing));
  EXPECT_EQ(seat.uri, TestPki::ClientUri("acme"));
  now_ += hours(25);
  EXPECT_THAT(Verify(signing), StatusIs(StatusCode::kUnauthenticated, "SA-01"));
}
TEST_F(PinnedRoot, SA01_ARevokedCertificateIsRefusedFromThenOn) {
  const PinnedRootVerifier verifier(
      pki_.ca().root(), [this] { return now_; }, revoked_);
  const Certificate lost = Signing("acme"), renewed = Signing("acme");
  EXPECT_OK(verifier.Verify(lost.der(), lost.Fingerprint()));
  ASSERT_OK(WriteFile(list_, HexEncode(lost.Fingerprint()) + "\n"));
  EXPECT_THAT(verifier.Verify(lost.der(), lost.Fingerprint()),
              StatusIs(StatusCode::kUnauthenticated, "SA-01: the certificate is revoked"));
  EXPECT_OK(verifier.Verify(renewed.der(), renewed.Fingerprint()));
}

}  // namespace
}  // namespace veilsum::secure_agg
