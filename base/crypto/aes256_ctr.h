// AES-256-CTR keystream, addressable by 16-byte block (IV = 0^8 || BE64(block)), by the fastest of
// the paths in ctr_kernels.h that the CPU has. All give the bytes of OpenSSL's AES-256-CTR.
#pragma once

#include <span>

#include "base/crypto/ctr_kernels.h"
#include "base/secret.h"

namespace veilsum {

// A stream under one key. Not thread-safe: one object per thread. Wipes its key schedule on
// destruction.
class Aes256Ctr {
 public:
  explicit Aes256Ctr(const Secret<32>& key) : Aes256Ctr(key, BestCtrKernels()) {}
  Aes256Ctr(const Secret<32>& key, const CtrKernels& kernels);  // for tests and benchmarks
  ~Aes256Ctr();
  Aes256Ctr(const Aes256Ctr&) = delete;
  Aes256Ctr& operator=(const Aes256Ctr&) = delete;

  void Seek(std::uint64_t block);              // the next Generate starts at this block
  void Generate(std::span<std::uint8_t> out);  // the next out.size() keystream bytes
  // Applies the keystream from `block` on to whole words, in one pass over them. Has no part in
  // what Seek and Generate do.
  void Apply(KeystreamUse use, std::uint64_t block, std::span<std::uint8_t> words) {
    kernels_->apply(state_, use, block, words.data(), words.size());
  }

 private:
  const CtrKernels* kernels_;
  CtrState state_;
  std::uint64_t block_ = 0;   // of the next byte
  std::size_t in_block_ = 0;  // its place there
};

}  // namespace veilsum
