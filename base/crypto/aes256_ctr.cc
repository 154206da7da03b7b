#include "base/crypto/aes256_ctr.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

#include "base/status.h"

namespace veilsum {

Aes256Ctr::Aes256Ctr(const Secret<32>& key) : context_(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free) {
  const std::uint8_t iv[16] = {};
  VEILSUM_CHECK(context_ != nullptr);
  VEILSUM_CHECK(
      EVP_EncryptInit_ex(context_.get(), EVP_aes_256_ctr(), nullptr, key.Expose().data(), iv) == 1);
}

Aes256Ctr::~Aes256Ctr() = default;  // EVP_CIPHER_CTX_free cleanses the key schedule

void Aes256Ctr::Seek(std::uint64_t block) {
  std::uint8_t iv[16] = {};
  for (int i = 0; i < 8; ++i) iv[15 - i] = static_cast<std::uint8_t>(block >> (8 * i));
  VEILSUM_CHECK(EVP_EncryptInit_ex(context_.get(), nullptr, nullptr, nullptr, iv) == 1);
}

void Aes256Ctr::Generate(std::span<std::uint8_t> out) {
  constexpr std::size_t kPiece = std::size_t{1} << 30;  // EVP counts in int
  std::memset(out.data(), 0, out.size());
  while (!out.empty()) {
    const std::size_t size = std::min(out.size(), kPiece);
    int written = 0;
    VEILSUM_CHECK(EVP_EncryptUpdate(context_.get(), out.data(), &written, out.data(),
                                    static_cast<int>(size)) == 1);
    out = out.subspan(size);
  }
}

}  // namespace veilsum
