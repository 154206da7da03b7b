#include "base/crypto/hkdf.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <memory>

namespace veilsum {
namespace {

// Fetching an algorithm takes locks and look-ups, so it is done once a process.
EVP_KDF* HkdfAlgorithm() {
  static EVP_KDF* const algorithm = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  return algorithm;
}

}  // namespace

Secret<32> Hkdf(std::span<const std::uint8_t> ikm, ByteView salt, ByteView info) {
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(
      EVP_KDF_CTX_new(HkdfAlgorithm()), &EVP_KDF_CTX_free);
  VEILSUM_CHECK(context != nullptr);
  char digest[] = "SHA256";
  // RFC 5869, 2.2: no salt is one of zeros, as long as the hash. OpenSSL takes an empty one for an
  // error.
  static constexpr ByteArray<32> kNoSalt{};
  if (salt.empty()) salt = kNoSalt;
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, const_cast<std::uint8_t*>(ikm.data()),
                                        ikm.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, const_cast<std::uint8_t*>(salt.data()),
                                        salt.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, const_cast<std::uint8_t*>(info.data()),
                                        info.size()),
      OSSL_PARAM_construct_end()};
  ByteArray<32> out;
  VEILSUM_CHECK(EVP_KDF_derive(context.get(), out.data(), out.size(), params) == 1);
  return Secret<32>(std::span<std::uint8_t, 32>(out));
}

}  // namespace veilsum
