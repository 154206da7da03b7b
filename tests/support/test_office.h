// A federation with an identity office, for tests: an issuer below the test root, records in a
// folder of their own, and tenants as asked for.
#pragma once

#include "base/file.h"
#include "coordinator/identity/identity_office.h"
#include "coordinator/identity/sqlite_tenants.h"
#include "tests/support/test_pki.h"

namespace veilsum {

struct TestOffice {
  explicit TestOffice(const TestPki& pki,
                      std::chrono::seconds leaf_lifetime = std::chrono::hours(1))
      : issuer(MakeIssuer(pki, folder)),
        deny(std::make_shared<coordinator::DenyList>()),
        config{.root = pki.ca().root(),
               .issuer = issuer,
               .coordinator = *SpiffeId::Parse(TestPki::CoordinatorUri()),
               .enroll_address = "127.0.0.1:1",
               .address = "127.0.0.1:2",
               .leaf_lifetime = leaf_lifetime} {
    Open();
  }
  // Anew, as after a restart of the coordinator.
  void Open() {
    office.reset();
    auto tenants = coordinator::OpenSqliteTenants(folder.path() / "records");
    VEILSUM_CHECK(tenants.ok());
    auto opened = coordinator::IdentityOffice::Open(config, *std::move(tenants), *deny, rng);
    VEILSUM_CHECK(opened.ok());
    office = *std::move(opened);
  }
  static Issuer MakeIssuer(const TestPki& pki, const TestFolder& folder);
  static coordinator::Principal PrincipalOf(const TlsIdentity& tls) {
    return {tls.id,
            tls.certificate.Fingerprint(),
            tls.certificate.KeyFingerprint(),
            tls.certificate.SerialHex(),
            tls.certificate.not_before(),
            tls.certificate.not_after()};
  }
  // A join token for a client of a tenant, by an operator of the federation.
  std::string Token(const TestPki& pki, const std::string& tenant, std::uint32_t ttl = 0) const {
    tenancy::v1::CreateJoinTokenRequest request;
    request.set_tenant(tenant);
    request.set_name("c1");
    request.set_role("client");
    request.set_ttl_seconds(ttl);
    auto made = office->CreateJoinToken(PrincipalOf(*pki.Operator()), request);
    VEILSUM_CHECK(made.ok());
    return made->token();
  }

  TestFolder folder;
  SystemRng rng;
  Issuer issuer;
  std::shared_ptr<coordinator::DenyList> deny;
  coordinator::OfficeConfig config;
  std::unique_ptr<coordinator::IdentityOffice> office;
};

inline Issuer TestOffice::MakeIssuer(const TestPki& pki, const TestFolder& folder) {
  const WallTime now = std::chrono::system_clock::now();
  auto made = pki.ca().IssueIssuer("", ValidFor(now, std::chrono::hours(48)));
  VEILSUM_CHECK(made.ok());
  VEILSUM_CHECK(WriteFile(folder.path() / "issuer.pem", made->certificate.ToPem()).ok());
  VEILSUM_CHECK(WritePrivateKey(folder.path() / "issuer.key", made->key_pem).ok());
  auto issuer = Issuer::Load(folder.path(), pki.ca().root(), now);
  VEILSUM_CHECK(issuer.ok());
  return *std::move(issuer);
}

}  // namespace veilsum
