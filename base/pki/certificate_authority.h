// The small built-in certificate authority: a P-384 root that signs TLS leaves (ECDSA P-256) and
// signing certificates (Ed25519) for SPIFFE identities. One root is one federation's trust domain.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/pki/certificate.h"
#include "base/pki/secret_text.h"
#include "base/pki/signing_request.h"

struct evp_pkey_st;

namespace veilsum {

struct Validity {
  WallTime not_before;
  WallTime not_after;
};
// From five minutes ago (clocks differ) for `length` from `now`.
Validity ValidFor(WallTime now, std::chrono::hours length);

// A fresh key and its certificate. The key is PKCS#8 PEM: write it with FileMode::kPrivate.
struct IssuedCertificate {
  Certificate certificate;
  SecretText key_pem;
};

class CertificateAuthority {
 public:
  // A fresh root for `domain`. InvalidArgument: not a SPIFFE trust domain, or an empty validity.
  static absl::StatusOr<CertificateAuthority> Create(std::string_view domain,
                                                     const Validity& validity);
  // ca.pem and ca.key of a folder written by Save, with the same passphrase. Errors of
  // ReadPrivateKey.
  static absl::StatusOr<CertificateAuthority> Load(const std::filesystem::path& folder,
                                                   const SecretText* passphrase = nullptr);
  // ca.pem 0644, ca.key 0600, encrypted under the passphrase if there is one; the folder must
  // exist.
  absl::Status Save(const std::filesystem::path& folder,
                    const SecretText* passphrase = nullptr) const;

  const Certificate& root() const { return root_; }
  const std::string& domain() const { return domain_; }

  // A TLS leaf with exactly one URI SAN; DNS and IP SANs are for servers and may be empty.
  // InvalidArgument: an identity of another domain, a malformed name or address, a validity outside
  // the root's. Serials are 127 random bits.
  absl::StatusOr<IssuedCertificate> IssueTls(
      const SpiffeId& id, const Validity& validity, const std::vector<std::string>& dns_names = {},
      const std::vector<std::string>& ip_addresses = {}) const;
  // An Ed25519 signing certificate: the same URI SAN, another key, no TLS use (SE-03).
  absl::StatusOr<IssuedCertificate> IssueSigning(const SpiffeId& id,
                                                 const Validity& validity) const;
  // An issuer below the root, which signs leaves and no further issuers, for the whole domain or,
  // with `tenant`, for that tenant's identities alone (base/pki/issuer.h). IssueIssuer makes the
  // key; SignIssuer takes the request of a tenant that keeps its own.
  absl::StatusOr<IssuedCertificate> IssueIssuer(std::string_view tenant,
                                                const Validity& validity) const;
  absl::StatusOr<Certificate> SignIssuer(const RequestedKey& key, std::string_view tenant,
                                         const Validity& validity) const;

 private:
  friend class PkiTestPeer;
  CertificateAuthority(Certificate root, std::shared_ptr<evp_pkey_st> key, std::string domain)
      : root_(std::move(root)), key_(std::move(key)), domain_(std::move(domain)) {}
  Certificate root_;
  std::shared_ptr<evp_pkey_st> key_;
  std::string domain_;
};

}  // namespace veilsum
