// AES-256-CTR keystream, addressable by 16-byte block (IV = 0^8 || BE64(block)), by OpenSSL EVP.
#pragma once

#include <memory>
#include <span>

#include "base/secret.h"

struct evp_cipher_ctx_st;

namespace veilsum {

// A stream under one key. Not thread-safe: one object per thread. Wipes its key schedule on
// destruction.
class Aes256Ctr {
 public:
  explicit Aes256Ctr(const Secret<32>& key);
  ~Aes256Ctr();
  Aes256Ctr(const Aes256Ctr&) = delete;
  Aes256Ctr& operator=(const Aes256Ctr&) = delete;

  void Seek(std::uint64_t block);              // the next Generate starts at this block
  void Generate(std::span<std::uint8_t> out);  // the next out.size() keystream bytes

 private:
  std::unique_ptr<evp_cipher_ctx_st, void (*)(evp_cipher_ctx_st*)> context_;
};

}  // namespace veilsum
