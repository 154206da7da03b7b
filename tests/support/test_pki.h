// Certificates for tests: good ones from the real authority, and the bad ones that it refuses to
// make.
#pragma once

#include <filesystem>
#include <memory>

#include "base/pki/certificate_authority.h"
#include "base/pki/certificate_builder.h"
#include "base/pki/credentials.h"

namespace veilsum {

inline constexpr std::chrono::hours kDay{24};

// A folder of its own under the temporary directory; removed on destruction.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class PkiTestPeer {
 public:
  // A leaf exactly as asked for, signed by the authority whatever it says.
  static IssuedCertificate Issue(const CertificateAuthority& ca,
                                 const openssl::CertificateRequest& request);
};

// One federation, "fed.test", valid now.
class TestPki {
 public:
  TestPki();
  const CertificateAuthority& ca() const { return ca_; }

  std::shared_ptr<const TlsIdentity> Tls(
      const std::string& uri) const;  // as the authority issues it
  std::shared_ptr<const TlsIdentity> Client(const std::string& tenant) const {
    return Tls(ClientUri(tenant));
  }
  std::shared_ptr<const TlsIdentity> Coordinator() const { return Tls(CoordinatorUri()); }
  std::shared_ptr<const TlsIdentity> Operator() const {
    return Tls("spiffe://fed.test/operator/op");
  }
  static std::string ClientUri(const std::string& tenant) {
    return "spiffe://fed.test/tenant/" + tenant + "/client/c1";
  }
  static std::string CoordinatorUri() { return "spiffe://fed.test/coordinator/node1"; }

  // A request that the authority would grant, to be spoiled.
  static openssl::CertificateRequest GoodRequest(const std::string& uri);
  // An identity around a spoiled certificate; `claimed` is only what our own side believes about
  // itself.
  std::shared_ptr<const TlsIdentity> Spoiled(const openssl::CertificateRequest& request,
                                             const std::string& claimed) const;

 private:
  CertificateAuthority ca_;
};

}  // namespace veilsum
