#include "base/pki/certificate.h"

#include <openssl/pem.h>

#include <ctime>

#include "base/crypto/sha256.h"
#include "base/pki/openssl_handles.h"

namespace veilsum {
namespace {

WallTime ToWallTime(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return WallTime{};
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

}  // namespace

absl::StatusOr<Certificate> Certificate::FromDer(ByteView der) {
  if (der.empty() || der.size() > kMaxCertificateDer)
    return InvalidArgument("certificate has %d bytes, must have 1 to %d", der.size(),
                           kMaxCertificateDer);
  const unsigned char* at = der.data();
  openssl::X509Ptr x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (x509 == nullptr) return InvalidArgument("certificate is not DER of an X.509 certificate");
  if (at != der.data() + der.size()) return InvalidArgument("certificate has bytes after its end");
  // Fills OpenSSL's cached extensions now, so that later reads change nothing and need no lock.
  X509_check_purpose(x509.get(), -1, 0);
  return Certificate(std::shared_ptr<X509>(x509.release(), &X509_free),
                     Bytes(der.begin(), der.end()));
}

absl::StatusOr<Certificate> Certificate::FromPem(std::string_view pem) {
  if (pem.size() > kMaxPemText)
    return InvalidArgument("certificate PEM has %d bytes, at most %d", pem.size(), kMaxPemText);
  const openssl::BioPtr input = openssl::ReadOnly(pem);
  const openssl::X509Ptr x509(PEM_read_bio_X509(input.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (x509 == nullptr) return InvalidArgument("no certificate in the PEM text");
  const openssl::X509Ptr second(PEM_read_bio_X509(input.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (second != nullptr) return InvalidArgument("more than one certificate in the PEM text");
  Bytes der(static_cast<std::size_t>(std::max(0, i2d_X509(x509.get(), nullptr))));
  unsigned char* out = der.data();
  i2d_X509(x509.get(), &out);
  return FromDer(der);
}

std::string Certificate::ToPem() const {
  const openssl::BioPtr output(BIO_new(BIO_s_mem()));
  VEILSUM_CHECK(output != nullptr && PEM_write_bio_X509(output.get(), x509_.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(output.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

Hash32 Certificate::Fingerprint() const { return Sha256(*der_); }
WallTime Certificate::not_before() const { return ToWallTime(X509_get0_notBefore(x509_.get())); }
WallTime Certificate::not_after() const { return ToWallTime(X509_get0_notAfter(x509_.get())); }
// The bit itself: X509_check_ca also looks at the key usage and would call a contradictory
// certificate no CA.
bool Certificate::is_ca() const { return (X509_get_extension_flags(x509_.get()) & EXFLAG_CA) != 0; }

Hash32 Certificate::KeyFingerprint() const {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509_.get()), &der);
  VEILSUM_CHECK(size > 0);
  const Hash32 out = Sha256(ByteView(der, static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return out;
}

std::string Certificate::SerialHex() const {
  const openssl::NumberPtr number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509_.get()), nullptr));
  VEILSUM_CHECK(number != nullptr);
  Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number.get())));
  BN_bn2bin(number.get(), bytes.data());
  return HexEncode(bytes);
}

absl::StatusOr<std::string> Certificate::Uri() const {
  int critical = 0;
  const openssl::NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(x509_.get(), NID_subject_alt_name, &critical, nullptr)));
  ERR_clear_error();
  // critical is -2 when the extension occurs more than once.
  if (names == nullptr)
    return InvalidArgument("%s", critical == -2
                                     ? "more than one subjectAltName extension"
                                     : "no subjectAltName: a common name is not an identity");
  const ASN1_IA5STRING* uri = nullptr;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    if (uri != nullptr) return InvalidArgument("more than one URI in the subjectAltName");
    uri = name->d.uniformResourceIdentifier;
  }
  if (uri == nullptr) return InvalidArgument("no URI in the subjectAltName");
  // The length is ASN.1's, so that a NUL inside the name reaches the parser, which refuses it.
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                     static_cast<std::size_t>(ASN1_STRING_length(uri)));
}

absl::StatusOr<SpiffeId> Certificate::Identity() const {
  VEILSUM_ASSIGN_OR_RETURN(const std::string uri, Uri());
  return SpiffeId::Parse(uri);
}

absl::StatusOr<Ed25519PublicKey> Certificate::Ed25519Key() const {
  EVP_PKEY* key = X509_get0_pubkey(x509_.get());
  Ed25519PublicKey out;
  std::size_t size = out.size();
  if (key == nullptr || EVP_PKEY_id(key) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_public_key(key, out.data(), &size) != 1 || size != out.size()) {
    ERR_clear_error();
    return InvalidArgument("the certificate's key is not Ed25519");
  }
  return out;
}

namespace {

// What the issuer's own name lets it speak for.
absl::Status CheckScope(const Certificate& issuer, const SpiffeId& id) {
  if (!openssl::HasUri(issuer.handle())) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(const std::string scope, issuer.Uri());
  const std::string domain = "spiffe://" + id.domain();
  if (scope == domain) return absl::OkStatus();
  if (!id.tenant().empty() && scope == domain + "/tenant/" + id.tenant()) return absl::OkStatus();
  return InvalidArgument("its issuer may not speak for %s", id.ToString());
}

}  // namespace

absl::StatusOr<SpiffeId> VerifyLeaf(const Certificate& leaf, const Certificate& root, WallTime now,
                                    const Certificate* issuer) {
  if (leaf.is_ca())
    return Unauthenticated("certificate may sign others (cA = true), so it is no leaf");
  const std::uint32_t usage = X509_get_key_usage(leaf.handle());  // UINT32_MAX: no such extension
  if (usage == UINT32_MAX || (usage & KU_DIGITAL_SIGNATURE) == 0 ||
      (usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0)
    return Unauthenticated(
        "certificate's key usage must be digitalSignature without keyCertSign or cRLSign");
  const openssl::StorePtr store(X509_STORE_new());
  const openssl::StoreContextPtr context(X509_STORE_CTX_new());
  const openssl::StackPtr between(issuer == nullptr ? nullptr : sk_X509_new_null());
  if (issuer != nullptr &&
      (between == nullptr || sk_X509_push(between.get(), issuer->handle()) == 0))
    return openssl::Error("certificate verification");
  if (store == nullptr || context == nullptr ||
      X509_STORE_add_cert(store.get(), root.handle()) != 1 ||
      X509_STORE_CTX_init(context.get(), store.get(), leaf.handle(), between.get()) != 1)
    return openssl::Error("certificate verification");
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(rules, std::chrono::system_clock::to_time_t(now));
  X509_VERIFY_PARAM_set_depth(rules, issuer == nullptr ? 0 : 1);  // CAs below the root
  X509_VERIFY_PARAM_set_auth_level(rules, 2);                     // at least 112 bits
  const int ok = X509_verify_cert(context.get());
  const int error = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  if (ok != 1) return Unauthenticated("certificate: %s", X509_verify_cert_error_string(error));
  const int length = sk_X509_num(X509_STORE_CTX_get0_chain(context.get()));
  if (issuer != nullptr && length != 3)
    return Unauthenticated("certificate: the issuer beside it did not sign it");
  auto id = leaf.Identity();
  if (!id.ok()) return Unauthenticated("certificate: %s", id.status().message());
  if (issuer != nullptr) {
    if (const absl::Status scope = CheckScope(*issuer, *id); !scope.ok())
      return Unauthenticated("certificate: %s", scope.message());
  }
  return id;
}

}  // namespace veilsum
