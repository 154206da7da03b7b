// Makes X.509 certificates as told, also bad ones: CertificateAuthority decides what is issued,
// tests issue the rest.
#pragma once

#include <string>
#include <vector>

#include "base/pki/certificate.h"
#include "base/pki/openssl_handles.h"

namespace veilsum::openssl {

struct CertificateRequest {
  std::string common_name;  // for people; nothing is decided by it
  std::vector<std::string> uris, dns_names, ip_addresses;
  WallTime not_before, not_after;
  bool is_ca = false;
  std::string key_usage;           // OpenSSL's words, as "critical,digitalSignature"
  std::string extended_key_usage;  // empty: none
};

absl::StatusOr<KeyPtr> NewEcKey(const char* curve);  // "P-256", "P-384"
absl::StatusOr<KeyPtr> NewEd25519Key();
// Signed by `issuer_key`; `issuer` null: self-signed.
absl::StatusOr<Certificate> BuildCertificate(const CertificateRequest& request,
                                             EVP_PKEY* subject_key, const X509* issuer,
                                             EVP_PKEY* issuer_key);

}  // namespace veilsum::openssl
