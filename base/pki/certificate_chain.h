// A leaf and, where it was not signed by the root itself, the issuer in between: what a peer shows.
// Its bytes are the DER of the leaf, followed by that of the issuer. So whoever pins the root needs
// nothing else to verify it, and an issuer can be replaced without telling anybody.
#pragma once

#include <optional>

#include "base/pki/certificate.h"

namespace veilsum {

class CertificateChain {
 public:
  CertificateChain(Certificate leaf, std::optional<Certificate> issuer)
      : leaf_(std::move(leaf)), issuer_(std::move(issuer)) {}
  // One or two certificates and nothing else, at most kMaxCertificateDer bytes together.
  // InvalidArgument otherwise.
  static absl::StatusOr<CertificateChain> FromDer(ByteView der);
  // One or two certificates, the leaf first.
  static absl::StatusOr<CertificateChain> FromPem(std::string_view pem);
  // Of a handshake: the leaf, and the certificates that came along, which may repeat the leaf and
  // go on to the root: the issuer is the first that is neither.
  static absl::StatusOr<CertificateChain> FromPeer(std::string_view leaf_pem,
                                                   std::string_view all_pem,
                                                   const Certificate& root);

  const Certificate& leaf() const { return leaf_; }
  const std::optional<Certificate>& issuer() const { return issuer_; }
  Bytes der() const;
  std::string ToPem() const;
  // When both are valid.
  WallTime not_before() const;
  WallTime not_after() const;

 private:
  Certificate leaf_;
  std::optional<Certificate> issuer_;
};

// VerifyLeaf of the leaf under the root, by way of the issuer if there is one.
absl::StatusOr<SpiffeId> VerifyChain(const CertificateChain& chain, const Certificate& root,
                                     WallTime now);

// Every certificate of a PEM text, at most `limit`. InvalidArgument: none, more, or malformed.
absl::StatusOr<std::vector<Certificate>> CertificatesFromPem(std::string_view pem,
                                                             std::size_t limit);

}  // namespace veilsum
