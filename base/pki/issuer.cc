#include "base/pki/issuer.h"

#include "base/file.h"
#include "base/pki/certificate_builder.h"
#include "base/pki/credentials.h"

namespace veilsum {
namespace {

struct Scope {
  std::string domain, tenant;
};

// spiffe://<domain> or spiffe://<domain>/tenant/<tenant>.
absl::StatusOr<Scope> ScopeOf(const Certificate& issuer) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string uri, issuer.Uri());
  constexpr std::string_view kScheme = "spiffe://", kTenant = "/tenant/";
  if (!uri.starts_with(kScheme)) return InvalidArgument("the issuer's URI is no SPIFFE name");
  const std::string rest = uri.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  Scope scope{rest.substr(0, slash), ""};
  if (slash != std::string::npos) {
    if (rest.compare(slash, kTenant.size(), kTenant) != 0)
      return InvalidArgument("the issuer's URI names neither a domain nor a tenant");
    scope.tenant = rest.substr(slash + kTenant.size());
  }
  VEILSUM_RETURN_IF_ERROR(
      SpiffeId::Client(scope.domain, scope.tenant.empty() ? "any" : scope.tenant, "x").status());
  return scope;
}

absl::Status CheckSignedBy(const Certificate& issuer, const Certificate& root, WallTime now) {
  const bool signed_by_root = X509_verify(issuer.handle(), X509_get0_pubkey(root.handle())) == 1 &&
                              X509_check_issued(root.handle(), issuer.handle()) == X509_V_OK;
  ERR_clear_error();
  if (!signed_by_root || !issuer.is_ca())
    return InvalidArgument("issuer.pem is not an issuer that the root has signed");
  if (now < issuer.not_before() || now > issuer.not_after())
    return InvalidArgument("issuer.pem has expired, or is not valid yet: have the root sign one");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Issuer> Issuer::Load(const std::filesystem::path& folder, const Certificate& root,
                                    WallTime now, const SecretText* passphrase) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string pem, ReadFile(folder / "issuer.pem", kMaxPemText));
  VEILSUM_ASSIGN_OR_RETURN(Certificate certificate, Certificate::FromPem(pem));
  VEILSUM_RETURN_IF_ERROR(CheckSignedBy(certificate, root, now));
  VEILSUM_ASSIGN_OR_RETURN(Scope scope, ScopeOf(certificate));
  VEILSUM_ASSIGN_OR_RETURN(const SecretText key, ReadPrivateKey(folder / "issuer.key", passphrase));
  VEILSUM_RETURN_IF_ERROR(CheckKeyMatches(certificate, key));
  return Issuer(
      std::move(certificate),
      std::shared_ptr<EVP_PKEY>(openssl::ParsePrivateKey(key.Expose()).release(), &EVP_PKEY_free),
      std::move(scope.domain), std::move(scope.tenant));
}

absl::StatusOr<CertificateChain> Issuer::Issue(const RequestedKey& key, const SpiffeId& id,
                                               WallTime now, std::chrono::seconds length,
                                               const std::vector<std::string>& dns_names,
                                               const std::vector<std::string>& ip_addresses) const {
  if (id.domain() != domain_ || (!tenant_.empty() && id.tenant() != tenant_))
    return InvalidArgument("this issuer may not speak for %s", id.ToString());
  const Validity validity{now - std::chrono::minutes(5),
                          std::min(now + length, certificate_.not_after())};
  if (validity.not_after <= now) return InvalidArgument("the issuer has expired");
  const openssl::CertificateRequest request =
      openssl::LeafRequest(id, validity, key.kind == KeyKind::kSigning, dns_names, ip_addresses);
  VEILSUM_ASSIGN_OR_RETURN(
      Certificate leaf,
      openssl::BuildCertificate(request, key.key.get(), certificate_.handle(), key_.get()));
  return CertificateChain(std::move(leaf), certificate_);
}

}  // namespace veilsum
