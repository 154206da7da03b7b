#include "base/pki/certificate_chain.h"

#include <openssl/pem.h>

#include <algorithm>

#include "base/pki/openssl_handles.h"

namespace veilsum {
namespace {

constexpr std::size_t kMaxShown = 4;  // certificates of a handshake: leaf, issuer, root, one spare

absl::StatusOr<CertificateChain> FromList(std::vector<Certificate> list) {
  std::optional<Certificate> issuer;
  if (list.size() == 2) {
    issuer = std::move(list[1]);
    if (!issuer->is_ca()) return InvalidArgument("the second certificate of a chain is no issuer");
  }
  return CertificateChain(std::move(list[0]), std::move(issuer));
}

}  // namespace

absl::StatusOr<std::vector<Certificate>> CertificatesFromPem(std::string_view pem,
                                                             std::size_t limit) {
  if (pem.size() > kMaxPemText)
    return InvalidArgument("certificate PEM has %d bytes, at most %d", pem.size(), kMaxPemText);
  std::vector<Certificate> out;
  const openssl::BioPtr input = openssl::ReadOnly(pem);
  for (;;) {
    const openssl::X509Ptr x509(PEM_read_bio_X509(input.get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    if (x509 == nullptr) break;
    if (out.size() == limit) return InvalidArgument("more than %d certificates in the PEM", limit);
    Bytes der(static_cast<std::size_t>(std::max(0, i2d_X509(x509.get(), nullptr))));
    unsigned char* at = der.data();
    i2d_X509(x509.get(), &at);
    VEILSUM_ASSIGN_OR_RETURN(Certificate certificate, Certificate::FromDer(der));
    out.push_back(std::move(certificate));
  }
  if (out.empty()) return InvalidArgument("no certificate in the PEM text");
  return out;
}

absl::StatusOr<CertificateChain> CertificateChain::FromDer(ByteView der) {
  if (der.empty() || der.size() > kMaxCertificateDer)
    return InvalidArgument("certificate has %d bytes, must have 1 to %d", der.size(),
                           kMaxCertificateDer);
  const unsigned char* at = der.data();
  const openssl::X509Ptr first(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (first == nullptr) return InvalidArgument("certificate is not DER of an X.509 certificate");
  const auto size = static_cast<std::size_t>(at - der.data());
  VEILSUM_ASSIGN_OR_RETURN(Certificate leaf, Certificate::FromDer(der.first(size)));
  if (size == der.size()) return CertificateChain(std::move(leaf), std::nullopt);
  auto issuer = Certificate::FromDer(der.subspan(size));
  if (!issuer.ok()) return Annotate(issuer.status(), "the issuer after the leaf");
  std::vector<Certificate> list;
  list.push_back(std::move(leaf));
  list.push_back(*std::move(issuer));
  return FromList(std::move(list));
}

absl::StatusOr<CertificateChain> CertificateChain::FromPem(std::string_view pem) {
  VEILSUM_ASSIGN_OR_RETURN(std::vector<Certificate> list, CertificatesFromPem(pem, 2));
  return FromList(std::move(list));
}

absl::StatusOr<CertificateChain> CertificateChain::FromPeer(std::string_view leaf_pem,
                                                            std::string_view all_pem,
                                                            const Certificate& root) {
  VEILSUM_ASSIGN_OR_RETURN(Certificate leaf, Certificate::FromPem(leaf_pem));
  std::optional<Certificate> issuer;
  if (!all_pem.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(const auto shown, CertificatesFromPem(all_pem, kMaxShown));
    const auto between = std::ranges::find_if(shown, [&](const Certificate& certificate) {
      return certificate.der() != leaf.der() && certificate.der() != root.der();
    });
    if (between != shown.end()) issuer = *between;
  }
  return CertificateChain(std::move(leaf), std::move(issuer));
}

Bytes CertificateChain::der() const {
  Bytes out = leaf_.der();
  if (issuer_) out.insert(out.end(), issuer_->der().begin(), issuer_->der().end());
  return out;
}

std::string CertificateChain::ToPem() const {
  return leaf_.ToPem() + (issuer_ ? issuer_->ToPem() : "");
}

WallTime CertificateChain::not_before() const {
  return issuer_ ? std::max(leaf_.not_before(), issuer_->not_before()) : leaf_.not_before();
}

WallTime CertificateChain::not_after() const {
  return issuer_ ? std::min(leaf_.not_after(), issuer_->not_after()) : leaf_.not_after();
}

absl::StatusOr<SpiffeId> VerifyChain(const CertificateChain& chain, const Certificate& root,
                                     WallTime now) {
  return VerifyLeaf(chain.leaf(), root, now, chain.issuer() ? &*chain.issuer() : nullptr);
}

}  // namespace veilsum
