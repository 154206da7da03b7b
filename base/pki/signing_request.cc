#include "base/pki/signing_request.h"

#include "base/crypto/sha256.h"
#include "base/pki/certificate_builder.h"
#include "base/pki/openssl_handles.h"

namespace veilsum {
namespace {

constexpr std::size_t kMaxRequestDer = 4096;

bool IsKind(EVP_PKEY* key, KeyKind kind) {
  if (kind == KeyKind::kSigning) return EVP_PKEY_id(key) == EVP_PKEY_ED25519;
  char group[32] = {};
  std::size_t size = 0;
  return EVP_PKEY_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
         std::string_view(group, size) == "prime256v1";
}

absl::StatusOr<SecretText> AsPem(absl::StatusOr<openssl::KeyPtr> key) {
  VEILSUM_RETURN_IF_ERROR(key.status());
  VEILSUM_ASSIGN_OR_RETURN(std::string pem, openssl::PrivateKeyPem(key->get()));
  return SecretText(std::move(pem));
}

}  // namespace

absl::StatusOr<SecretText> NewTlsKey() { return AsPem(openssl::NewEcKey("P-256")); }
absl::StatusOr<SecretText> NewSigningKey() { return AsPem(openssl::NewEd25519Key()); }

absl::StatusOr<Bytes> MakeSigningRequest(const SecretText& key_pem) {
  const openssl::KeyPtr key = openssl::ParsePrivateKey(key_pem.Expose());
  if (key == nullptr) return InvalidArgument("not a PEM private key");
  const openssl::RequestPtr request(X509_REQ_new());
  const EVP_MD* digest = EVP_PKEY_id(key.get()) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  if (request == nullptr || X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), digest) == 0)
    return openssl::Error("making a certificate request");
  Bytes der(static_cast<std::size_t>(std::max(0, i2d_X509_REQ(request.get(), nullptr))));
  unsigned char* out = der.data();
  if (i2d_X509_REQ(request.get(), &out) <= 0)
    return openssl::Error("encoding a certificate request");
  return der;
}

absl::StatusOr<RequestedKey> ParseSigningRequest(ByteView der, KeyKind kind) {
  if (der.empty() || der.size() > kMaxRequestDer)
    return InvalidArgument("certificate request has %d bytes, must have 1 to %d", der.size(),
                           kMaxRequestDer);
  const unsigned char* at = der.data();
  const openssl::RequestPtr request(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (request == nullptr || at != der.data() + der.size())
    return InvalidArgument("certificate request is not DER of PKCS#10");
  std::shared_ptr<EVP_PKEY> key(X509_REQ_get_pubkey(request.get()), &EVP_PKEY_free);
  if (key == nullptr || !IsKind(key.get(), kind)) {
    ERR_clear_error();
    return InvalidArgument("certificate request is not for %s key",
                           kind == KeyKind::kTls ? "an ECDSA P-256" : "an Ed25519");
  }
  const int proven = X509_REQ_verify(request.get(), key.get());
  ERR_clear_error();
  if (proven != 1) return InvalidArgument("certificate request is not signed by its own key");
  unsigned char* spki = nullptr;
  const int size = i2d_PUBKEY(key.get(), &spki);
  if (size <= 0) return openssl::Error("encoding a public key");
  const Hash32 fingerprint = Sha256(ByteView(spki, static_cast<std::size_t>(size)));
  OPENSSL_free(spki);
  return RequestedKey{kind, fingerprint, std::move(key)};
}

}  // namespace veilsum
