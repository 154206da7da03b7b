#include "base/pki/certificate_builder.h"

#include <openssl/rand.h>

namespace veilsum::openssl {
namespace {

// 127 random bits, positive (RFC 5280 section 4.1.2.2: at most 20 bytes, unique).
bool SetSerial(X509* x509) {
  const NumberPtr number(BN_new());
  return number != nullptr &&
         BN_rand(number.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x509)) != nullptr;
}

bool SetTimes(X509* x509, const CertificateRequest& request) {
  const std::time_t from = std::chrono::system_clock::to_time_t(request.not_before);
  const std::time_t to = std::chrono::system_clock::to_time_t(request.not_after);
  return ASN1_TIME_set(X509_getm_notBefore(x509), from) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(x509), to) != nullptr;
}

bool SetSubject(X509* x509, const std::string& common_name) {
  X509_NAME* name = X509_get_subject_name(x509);
  // ub-common-name of X.520 is 64.
  const std::string text = common_name.substr(0, 64);
  return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()), -1, 0) == 1;
}

bool AddName(GENERAL_NAMES* names, int type, const std::string& text) {
  GENERAL_NAME* name = a2i_GENERAL_NAME(nullptr, nullptr, nullptr, type, text.c_str(), 0);
  if (name == nullptr) return false;
  if (sk_GENERAL_NAME_push(names, name) > 0) return true;
  GENERAL_NAME_free(name);
  return false;
}

bool AddSubjectAltName(X509* x509, const CertificateRequest& request) {
  const NamesPtr names(GENERAL_NAMES_new());
  if (names == nullptr) return false;
  for (const std::string& uri : request.uris)
    if (!AddName(names.get(), GEN_URI, uri)) return false;
  for (const std::string& name : request.dns_names)
    if (!AddName(names.get(), GEN_DNS, name)) return false;
  for (const std::string& address : request.ip_addresses)
    if (!AddName(names.get(), GEN_IPADD, address)) return false;
  if (sk_GENERAL_NAME_num(names.get()) == 0) return true;
  return X509_add1_ext_i2d(x509, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) == 1;
}

bool AddExtension(X509* x509, X509V3_CTX* context, int nid, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, context, nid, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(x509, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool AddExtensions(X509* x509, const CertificateRequest& request, const X509* issuer) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, const_cast<X509*>(issuer == nullptr ? x509 : issuer), x509, nullptr,
                 nullptr, 0);
  return AddExtension(x509, &context, NID_basic_constraints,
                      request.is_ca
                          ? absl::StrFormat("critical,CA:TRUE,pathlen:%d", request.path_length)
                          : "critical,CA:FALSE") &&
         AddExtension(x509, &context, NID_subject_key_identifier, "hash") &&
         AddExtension(x509, &context, NID_authority_key_identifier, "keyid:always") &&
         (request.key_usage.empty() ||
          AddExtension(x509, &context, NID_key_usage, request.key_usage)) &&
         (request.extended_key_usage.empty() ||
          AddExtension(x509, &context, NID_ext_key_usage, request.extended_key_usage)) &&
         AddSubjectAltName(x509, request);
}

}  // namespace

CertificateRequest LeafRequest(const SpiffeId& id, const Validity& validity, bool signing,
                               const std::vector<std::string>& dns_names,
                               const std::vector<std::string>& ip_addresses) {
  CertificateRequest request;
  request.common_name = id.name();
  request.uris = {id.ToString()};
  request.dns_names = dns_names;
  request.ip_addresses = ip_addresses;
  request.not_before = validity.not_before;
  request.not_after = validity.not_after;
  request.key_usage = "critical,digitalSignature";
  // 1.3.6.1.5.5.7.3.36 is id-kp-documentSigning (RFC 9336): not serverAuth or clientAuth, so TLS
  // refuses it.
  request.extended_key_usage = signing                                 ? "1.3.6.1.5.5.7.3.36"
                               : id.role() == SpiffeRole::kCoordinator ? "serverAuth,clientAuth"
                                                                       : "clientAuth";
  return request;
}

absl::StatusOr<KeyPtr> NewEcKey(const char* curve) {
  KeyPtr key(EVP_EC_gen(curve));
  if (key == nullptr) return Error("making an elliptic curve key");
  return key;
}

absl::StatusOr<KeyPtr> NewEd25519Key() {
  KeyPtr key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (key == nullptr) return Error("making an Ed25519 key");
  return key;
}

absl::StatusOr<Certificate> BuildCertificate(const CertificateRequest& request,
                                             EVP_PKEY* subject_key, const X509* issuer,
                                             EVP_PKEY* issuer_key) {
  const X509Ptr x509(X509_new());
  if (x509 == nullptr || X509_set_version(x509.get(), X509_VERSION_3) != 1 ||
      !SetSerial(x509.get()) || !SetTimes(x509.get(), request) ||
      !SetSubject(x509.get(), request.common_name) ||
      X509_set_pubkey(x509.get(), subject_key) != 1 ||
      X509_set_issuer_name(x509.get(),
                           X509_get_subject_name(issuer == nullptr ? x509.get() : issuer)) != 1)
    return Error("making a certificate");
  if (!AddExtensions(x509.get(), request, issuer)) {
    ERR_clear_error();
    return InvalidArgument("certificate for %s: a name or an address is malformed",
                           request.common_name);
  }
  if (X509_sign(x509.get(), issuer_key, EVP_sha384()) == 0) return Error("signing a certificate");
  Bytes der(static_cast<std::size_t>(std::max(0, i2d_X509(x509.get(), nullptr))));
  unsigned char* out = der.data();
  if (i2d_X509(x509.get(), &out) <= 0) return Error("encoding a certificate");
  return Certificate::FromDer(der);
}

}  // namespace veilsum::openssl
