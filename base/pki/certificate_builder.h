// Makes X.509 certificates as told, also bad ones: CertificateAuthority decides what is issued,
// tests issue the rest.
#pragma once

#include <string>
#include <vector>

#include "base/pki/certificate.h"
#include "base/pki/certificate_authority.h"
#include "base/pki/openssl_handles.h"

namespace veilsum::openssl {

struct CertificateRequest {
  std::string common_name;  // for people; nothing is decided by it
  std::vector<std::string> uris, dns_names, ip_addresses;
  WallTime not_before, not_after;
  bool is_ca = false;
  int path_length = 0;             // of a CA: how many CAs may stand between it and a leaf
  std::string key_usage;           // OpenSSL's words, as "critical,digitalSignature"
  std::string extended_key_usage;  // empty: none
};

// What a leaf of ours holds: one URI, digitalSignature, and the use that its key is for. Signing
// certificates are of no use to TLS (SE-03).
CertificateRequest LeafRequest(const SpiffeId& id, const Validity& validity, bool signing,
                               const std::vector<std::string>& dns_names,
                               const std::vector<std::string>& ip_addresses);

absl::StatusOr<KeyPtr> NewEcKey(const char* curve);  // "P-256", "P-384"
absl::StatusOr<KeyPtr> NewEd25519Key();
// Signed by `issuer_key`; `issuer` null: self-signed.
absl::StatusOr<Certificate> BuildCertificate(const CertificateRequest& request,
                                             EVP_PKEY* subject_key, const X509* issuer,
                                             EVP_PKEY* issuer_key);

}  // namespace veilsum::openssl
