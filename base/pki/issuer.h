// An online issuer: an authority that the offline root has signed, for a while, and that signs
// leaves for keys which their holders made. Bound to the domain, or to one tenant's seats.
#pragma once

#include "base/pki/certificate_authority.h"
#include "base/pki/certificate_chain.h"
#include "base/pki/signing_request.h"

namespace veilsum {

class Issuer {
 public:
  // issuer.pem and issuer.key of a folder. InvalidArgument: not an issuer that `root` signed and
  // that is valid at `now`, or not its key. Errors of ReadPrivateKey.
  static absl::StatusOr<Issuer> Load(const std::filesystem::path& folder, const Certificate& root,
                                     WallTime now, const SecretText* passphrase = nullptr);

  const Certificate& certificate() const { return certificate_; }
  const std::string& domain() const { return domain_; }
  const std::string& tenant() const { return tenant_; }  // empty: speaks for the whole domain

  // A leaf for the key, from five minutes ago until `length` from `now` or the issuer's own end,
  // whichever is sooner: a TLS leaf for a TLS key, a signing certificate for a signing key (SE-03).
  // InvalidArgument: an identity that this issuer may not speak for, or malformed names.
  absl::StatusOr<CertificateChain> Issue(const RequestedKey& key, const SpiffeId& id, WallTime now,
                                         std::chrono::seconds length,
                                         const std::vector<std::string>& dns_names = {},
                                         const std::vector<std::string>& ip_addresses = {}) const;

 private:
  Issuer(Certificate certificate, std::shared_ptr<evp_pkey_st> key, std::string domain,
         std::string tenant)
      : certificate_(std::move(certificate)),
        key_(std::move(key)),
        domain_(std::move(domain)),
        tenant_(std::move(tenant)) {}
  Certificate certificate_;
  std::shared_ptr<evp_pkey_st> key_;
  std::string domain_, tenant_;
};

}  // namespace veilsum
