#include "base/pki/p256.h"

#include <openssl/pem.h>

#include "base/crypto/sha256.h"
#include "base/pki/certificate.h"
#include "base/pki/certificate_builder.h"
#include "base/pki/openssl_handles.h"

namespace veilsum {
namespace {

using DigestPtr = std::unique_ptr<EVP_MD_CTX, openssl::Deleter<&EVP_MD_CTX_free>>;

bool IsP256(EVP_PKEY* key) {
  char group[32] = {};
  std::size_t length = 0;
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
         EVP_PKEY_get_group_name(key, group, sizeof(group), &length) == 1 &&
         std::string_view(group, length) == "prime256v1";
}

std::string PublicPem(EVP_PKEY* key) {
  const openssl::BioPtr bio(BIO_new(BIO_s_mem()));
  VEILSUM_CHECK(bio != nullptr && PEM_write_bio_PUBKEY(bio.get(), key) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace

P256PublicKey::P256PublicKey(std::shared_ptr<evp_pkey_st> key)
    : key_(std::move(key)), pem_(PublicPem(key_.get())) {}

absl::StatusOr<P256PublicKey> P256PublicKey::FromPem(std::string_view pem) {
  if (pem.size() > kMaxPemText) return InvalidArgument("a public key of %d bytes", pem.size());
  const openssl::BioPtr bio = openssl::ReadOnly(pem);
  openssl::KeyPtr key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (key == nullptr || !IsP256(key.get())) return InvalidArgument("not a P-256 public key in PEM");
  return P256PublicKey(std::shared_ptr<evp_pkey_st>(std::move(key)));
}

std::string P256PublicKey::Hint() const { return HexEncode(Sha256(pem_)); }

bool P256PublicKey::Verify(ByteView message, ByteView signature) const {
  const DigestPtr context(EVP_MD_CTX_new());
  const bool good =
      context != nullptr &&
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                       message.size()) == 1;
  ERR_clear_error();
  return good;
}

absl::StatusOr<P256Signer> P256Signer::Generate() {
  VEILSUM_ASSIGN_OR_RETURN(openssl::KeyPtr key, openssl::NewEcKey("P-256"));
  return P256Signer(std::shared_ptr<evp_pkey_st>(std::move(key)));
}

absl::StatusOr<P256Signer> P256Signer::FromPem(const SecretText& pem) {
  openssl::KeyPtr key = openssl::ParsePrivateKey(pem.Expose());
  if (key == nullptr || !IsP256(key.get()))
    return InvalidArgument("not a P-256 private key in PEM");
  return P256Signer(std::shared_ptr<evp_pkey_st>(std::move(key)));
}

absl::StatusOr<SecretText> P256Signer::PrivatePem() const {
  VEILSUM_ASSIGN_OR_RETURN(std::string pem, openssl::PrivateKeyPem(public_key_.key_.get()));
  return SecretText(std::move(pem));
}

absl::StatusOr<Bytes> P256Signer::Sign(ByteView message) const {
  const DigestPtr context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (context == nullptr ||
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, public_key_.key_.get()) !=
          1 ||
      EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) != 1)
    return openssl::Error("sign with P-256");
  Bytes signature(size);
  if (EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1)
    return openssl::Error("sign with P-256");
  signature.resize(size);
  return signature;
}

}  // namespace veilsum
