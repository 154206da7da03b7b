#include "base/pki/certificate_authority.h"

#include "base/file.h"
#include "base/pki/certificate_builder.h"
#include "base/pki/credentials.h"

namespace veilsum {
namespace {

constexpr std::string_view kRootName = "Veilsum root of ";

absl::Status CheckRequest(const SpiffeId& id, const Validity& validity, const Certificate& root,
                          std::string_view domain) {
  if (id.domain() != domain)
    return InvalidArgument("%s is not of the trust domain %s", id.ToString(), domain);
  if (validity.not_before >= validity.not_after || validity.not_after > root.not_after())
    return InvalidArgument("validity of %s is empty or outlives the root", id.ToString());
  return absl::OkStatus();
}

std::shared_ptr<EVP_PKEY> Share(openssl::KeyPtr key) { return {key.release(), &EVP_PKEY_free}; }

absl::StatusOr<IssuedCertificate> Issue(const openssl::CertificateRequest& request, EVP_PKEY* key,
                                        const Certificate& root, EVP_PKEY* root_key) {
  VEILSUM_ASSIGN_OR_RETURN(Certificate certificate,
                           openssl::BuildCertificate(request, key, root.handle(), root_key));
  VEILSUM_ASSIGN_OR_RETURN(std::string pem, openssl::PrivateKeyPem(key));
  return IssuedCertificate{std::move(certificate), SecretText(std::move(pem))};
}

// The domain of a root is kept in its only URI SAN, spiffe://<domain> (X509-SVID section 4.2: a
// CA's id has no path).
absl::StatusOr<std::string> DomainOf(const Certificate& root) {
  const openssl::NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(root.handle(), NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  if (names != nullptr && sk_GENERAL_NAME_num(names.get()) == 1) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), 0);
    if (name->type == GEN_URI) {
      const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
      const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                                  static_cast<std::size_t>(ASN1_STRING_length(uri)));
      if (text.starts_with("spiffe://")) return std::string(text.substr(9));
    }
  }
  return InvalidArgument("ca.pem names no trust domain");
}

}  // namespace

Validity ValidFor(WallTime now, std::chrono::hours length) {
  return {now - std::chrono::minutes(5), now + length};
}

absl::StatusOr<CertificateAuthority> CertificateAuthority::Create(std::string_view domain,
                                                                  const Validity& validity) {
  VEILSUM_RETURN_IF_ERROR(
      SpiffeId::Coordinator(domain, "x").status());  // checks the domain's syntax
  if (validity.not_before >= validity.not_after)
    return InvalidArgument("validity of the root is empty");
  VEILSUM_ASSIGN_OR_RETURN(openssl::KeyPtr key, openssl::NewEcKey("P-384"));
  openssl::CertificateRequest request;
  request.common_name = absl::StrFormat("%s%s", kRootName, domain);
  request.uris = {absl::StrFormat("spiffe://%s", domain)};
  request.not_before = validity.not_before;
  request.not_after = validity.not_after;
  request.is_ca = true;
  request.path_length = 1;  // issuers, and nothing below those but leaves
  request.key_usage = "critical,keyCertSign,cRLSign";
  VEILSUM_ASSIGN_OR_RETURN(Certificate root,
                           openssl::BuildCertificate(request, key.get(), nullptr, key.get()));
  return CertificateAuthority(std::move(root), Share(std::move(key)), std::string(domain));
}

absl::StatusOr<CertificateAuthority> CertificateAuthority::Load(const std::filesystem::path& folder,
                                                                const SecretText* passphrase) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string pem, ReadFile(folder / "ca.pem", kMaxPemText));
  VEILSUM_ASSIGN_OR_RETURN(Certificate root, Certificate::FromPem(pem));
  VEILSUM_ASSIGN_OR_RETURN(const SecretText key_pem, ReadPrivateKey(folder / "ca.key", passphrase));
  VEILSUM_RETURN_IF_ERROR(CheckKeyMatches(root, key_pem));
  if (!root.is_ca())
    return InvalidArgument("%s: not a certificate authority", (folder / "ca.pem").string());
  VEILSUM_ASSIGN_OR_RETURN(std::string domain, DomainOf(root));
  return CertificateAuthority(std::move(root), Share(openssl::ParsePrivateKey(key_pem.Expose())),
                              std::move(domain));
}

absl::Status CertificateAuthority::Save(const std::filesystem::path& folder,
                                        const SecretText* passphrase) const {
  VEILSUM_ASSIGN_OR_RETURN(std::string pem, openssl::PrivateKeyPem(key_.get()));
  VEILSUM_RETURN_IF_ERROR(
      WritePrivateKey(folder / "ca.key", SecretText(std::move(pem)), passphrase));
  return WriteFile(folder / "ca.pem", root_.ToPem());
}

absl::StatusOr<IssuedCertificate> CertificateAuthority::IssueTls(
    const SpiffeId& id, const Validity& validity, const std::vector<std::string>& dns_names,
    const std::vector<std::string>& ip_addresses) const {
  VEILSUM_RETURN_IF_ERROR(CheckRequest(id, validity, root_, domain_));
  VEILSUM_ASSIGN_OR_RETURN(const openssl::KeyPtr key, openssl::NewEcKey("P-256"));
  return Issue(openssl::LeafRequest(id, validity, /*signing=*/false, dns_names, ip_addresses),
               key.get(), root_, key_.get());
}

absl::StatusOr<IssuedCertificate> CertificateAuthority::IssueSigning(
    const SpiffeId& id, const Validity& validity) const {
  VEILSUM_RETURN_IF_ERROR(CheckRequest(id, validity, root_, domain_));
  VEILSUM_ASSIGN_OR_RETURN(const openssl::KeyPtr key, openssl::NewEd25519Key());
  return Issue(openssl::LeafRequest(id, validity, /*signing=*/true, {}, {}), key.get(), root_,
               key_.get());
}

absl::StatusOr<Certificate> CertificateAuthority::SignIssuer(const RequestedKey& key,
                                                             std::string_view tenant,
                                                             const Validity& validity) const {
  std::string uri = "spiffe://" + domain_;
  if (!tenant.empty()) {
    VEILSUM_RETURN_IF_ERROR(SpiffeId::Client(domain_, tenant, "x").status());
    absl::StrAppendFormat(&uri, "/tenant/%s", tenant);
  }
  if (validity.not_before >= validity.not_after || validity.not_after > root_.not_after())
    return InvalidArgument("validity of the issuer is empty or outlives the root");
  openssl::CertificateRequest request;
  request.common_name =
      absl::StrFormat("Veilsum issuer of %s", tenant.empty() ? std::string_view(domain_) : tenant);
  request.uris = {uri};
  request.not_before = validity.not_before;
  request.not_after = validity.not_after;
  request.is_ca = true;
  request.key_usage = "critical,keyCertSign,cRLSign";
  return openssl::BuildCertificate(request, key.key.get(), root_.handle(), key_.get());
}

absl::StatusOr<IssuedCertificate> CertificateAuthority::IssueIssuer(
    std::string_view tenant, const Validity& validity) const {
  VEILSUM_ASSIGN_OR_RETURN(SecretText key, NewTlsKey());
  VEILSUM_ASSIGN_OR_RETURN(const Bytes request, MakeSigningRequest(key));
  VEILSUM_ASSIGN_OR_RETURN(const RequestedKey requested,
                           ParseSigningRequest(request, KeyKind::kTls));
  VEILSUM_ASSIGN_OR_RETURN(Certificate certificate, SignIssuer(requested, tenant, validity));
  return IssuedCertificate{std::move(certificate), std::move(key)};
}

}  // namespace veilsum
