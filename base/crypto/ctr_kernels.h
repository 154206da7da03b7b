// AES-256 in counter mode, expanded straight into a vector of words: the keystream is added,
// subtracted or stored while it is still in registers. One implementation per instruction path, all
// bit-identical to OpenSSL's AES-256-CTR with IV = 0^8 || BE64(block) (FIPS 197, SP 800-38A).
// Constant time in key, keystream and words. Internal to base/crypto, its tests and benchmarks:
// everybody else uses Aes256Ctr.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

struct evp_cipher_ctx_st;

namespace veilsum {

// What becomes of the words under the keystream: replaced, or added to or subtracted from modulo
// 2^16, 2^32 or 2^64, words and keystream both little-endian.
enum class KeystreamUse : std::uint8_t {
  kStore,
  kAdd16,
  kAdd32,
  kAdd64,
  kSubtract16,
  kSubtract32,
  kSubtract64
};

// An expanded key. Made by `start`, wiped and released by `finish` of the same kernels.
struct CtrState {
  alignas(64) std::uint8_t round_keys[15][16];
  evp_cipher_ctx_st* context = nullptr;  // OpenSSL's path only
};

struct CtrKernels {
  std::string_view name;
  void (*start)(CtrState& state, const std::uint8_t* key);  // 32 bytes
  // Applies the keystream that begins at 16-byte block `block` to `size` bytes, which must be a
  // whole number of words. Leaves no key or keystream in registers or on the stack.
  void (*apply)(CtrState& state, KeystreamUse use, std::uint64_t block, std::uint8_t* words,
                std::size_t size);
  void (*finish)(CtrState& state);
};

const CtrKernels& OpensslCtrKernels();
const CtrKernels* AesNiCtrKernels();    // null where the CPU lacks AES-NI and SSE4.1
const CtrKernels* Vaes256CtrKernels();  // null where it lacks VAES and AVX2
const CtrKernels* Vaes512CtrKernels();  // null where it lacks VAES and AVX-512F, BW

// Those that this CPU has, slowest first; the first is OpenSSL's.
std::vector<const CtrKernels*> AvailableCtrKernels();
// The last of them. The CPU is asked once; the same one for the life of the process.
const CtrKernels& BestCtrKernels();

}  // namespace veilsum
