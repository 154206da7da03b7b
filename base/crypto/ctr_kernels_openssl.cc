// OpenSSL's AES-256-CTR, in pieces that stay in the first-level cache between cipher and addition:
// the reference of the other paths, and the fall-back on any CPU.
#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "base/crypto/ctr_kernels.h"
#include "base/crypto/vector_registers.h"
#include "base/status.h"

namespace veilsum {
namespace {

constexpr std::size_t kPieceBytes = 8 * 1024;
constexpr std::size_t kSpillBytes =
    2 * 1024;  // of the stack below, where callees may spill vectors

void Start(CtrState& state, const std::uint8_t* key) {
  const std::uint8_t iv[16] = {};
  state.context = EVP_CIPHER_CTX_new();
  VEILSUM_CHECK(state.context != nullptr &&
                EVP_EncryptInit_ex(state.context, EVP_aes_256_ctr(), nullptr, key, iv) == 1);
}

void Finish(CtrState& state) {
  EVP_CIPHER_CTX_free(state.context);  // cleanses the key schedule
  state.context = nullptr;
}

void Seek(CtrState& state, std::uint64_t block) {
  std::uint8_t iv[16] = {};
  for (int i = 0; i < 8; ++i) iv[15 - i] = static_cast<std::uint8_t>(block >> (8 * i));
  VEILSUM_CHECK(EVP_EncryptInit_ex(state.context, nullptr, nullptr, nullptr, iv) == 1);
}

void Generate(CtrState& state, std::uint8_t* out, std::size_t size) {
  std::memset(out, 0, size);
  int written = 0;
  VEILSUM_CHECK(EVP_EncryptUpdate(state.context, out, &written, out, static_cast<int>(size)) == 1);
}

// The same loop for each width of vector; the loader chooses once. Not under ThreadSanitizer, whose
// runtime is not up by then, and not with clang, which clones no templates.
#if defined(__SANITIZE_THREAD__) || defined(__clang__)
#define EACH_WIDTH
#else
#define EACH_WIDTH __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

// words += or -= keystream. `words` need not be aligned to its elements, so both are copied in and
// out; with a constant size the compiler makes vector instructions of it.
template <class Word, bool kSubtract, std::size_t kBytes>
[[gnu::always_inline]] inline void CombineBlock(std::uint8_t* words,
                                                const std::uint8_t* keystream) {
  constexpr std::size_t kWords = kBytes / sizeof(Word);
  Word sum[kWords];
  Word mask[kWords];
  std::memcpy(sum, words, kBytes);
  std::memcpy(mask, keystream, kBytes);
  for (std::size_t i = 0; i < kWords; ++i)
    sum[i] = static_cast<Word>(kSubtract ? sum[i] - mask[i] : sum[i] + mask[i]);
  std::memcpy(words, sum, kBytes);
}

template <class Word, bool kSubtract>
EACH_WIDTH void Combine(std::uint8_t* words, const std::uint8_t* keystream, std::size_t size) {
  std::size_t at = 0;
  for (; at + 64 <= size; at += 64) CombineBlock<Word, kSubtract, 64>(words + at, keystream + at);
  for (; at < size; at += sizeof(Word))
    CombineBlock<Word, kSubtract, sizeof(Word)>(words + at, keystream + at);
}

void Combine(KeystreamUse use, std::uint8_t* words, const std::uint8_t* keystream,
             std::size_t size) {
  switch (use) {
    case KeystreamUse::kStore:
      break;  // needs no keystream beside the words
    case KeystreamUse::kAdd16:
      return Combine<std::uint16_t, false>(words, keystream, size);
    case KeystreamUse::kAdd32:
      return Combine<std::uint32_t, false>(words, keystream, size);
    case KeystreamUse::kAdd64:
      return Combine<std::uint64_t, false>(words, keystream, size);
    case KeystreamUse::kSubtract16:
      return Combine<std::uint16_t, true>(words, keystream, size);
    case KeystreamUse::kSubtract32:
      return Combine<std::uint32_t, true>(words, keystream, size);
    case KeystreamUse::kSubtract64:
      return Combine<std::uint64_t, true>(words, keystream, size);
  }
}

// The last block of keystream stays in vector registers, and whoever saves them next (the loader
// does, when it binds a symbol) would put it on the stack.
void WipeVectorRegisters() {
#if defined(__x86_64__)
  static const bool has_avx = __builtin_cpu_supports("avx");
  static const bool has_avx512 = __builtin_cpu_supports("avx512f");
  if (has_avx) __asm__ volatile("vzeroall");
  VEILSUM_EACH_LOW_REGISTER(VEILSUM_CLEAR_XMM)
  if (!has_avx512) return;
  VEILSUM_EACH_HIGH_REGISTER(VEILSUM_CLEAR_UNKNOWN_ZMM)
#endif
}

void Apply(CtrState& state, KeystreamUse use, std::uint64_t block, std::uint8_t* words,
           std::size_t size) {
  Seek(state, block);
  if (use == KeystreamUse::kStore) return Generate(state, words, size);
  alignas(64) std::uint8_t keystream[kPieceBytes];
  std::size_t used = 0;
  for (std::size_t at = 0; at < size; at += kPieceBytes) {
    const std::size_t bytes = std::min(kPieceBytes, size - at);
    Generate(state, keystream, bytes);
    Combine(use, words + at, keystream, bytes);
    used = std::max(used, bytes);
  }
  WipeVectorRegisters();
  sodium_memzero(keystream, used);
  sodium_stackzero(kSpillBytes);
}

}  // namespace

const CtrKernels& OpensslCtrKernels() {
  static constexpr CtrKernels kKernels = {"openssl", &Start, &Apply, &Finish};
  return kKernels;
}

}  // namespace veilsum
