// Masks: seeds expanded with AES-256-CTR, block i of a seed = AES(0^8 | BE64(i)) (SA-40), and added
// to a vector as they are made, by the fastest path of base/crypto that the CPU has. The bytes are
// the same on every path.
#pragma once

#include <deque>

#include "base/crypto/aes256_ctr.h"
#include "base/secret.h"
#include "secure_agg/params.h"

namespace veilsum::secure_agg {

enum class MaskSign { kAdd, kSubtract };

// One seed expands one stream of one slot and role; its bytes map in order to the vector's words.
struct MaskTerm {
  Secret<32> seed;
  MaskSign sign;
};

// The sum of the terms' masks, ready to be applied to any range of the vector. Keeps expanded keys
// (450 bytes a term), not seeds, and wipes them. Not thread-safe: shards on several threads have
// one object each.
class MaskSum {
 public:
  MaskSum(RingBits bits, std::span<const MaskTerm> terms,
          const CtrKernels& kernels = BestCtrKernels());

  // words += sum of the masks, modulo 2^k per word. `first_word` says where in the whole vector
  // `words` begins; it must be a whole number of 16-byte blocks. At most 2^36 bytes in all (SA-40).
  // The range is walked once, in pieces that stay in the second-level cache, all terms on each.
  void ApplyTo(std::span<std::uint8_t> words, std::uint64_t first_word = 0);

 private:
  struct Stream {
    Stream(const MaskTerm& term, RingBits bits, const CtrKernels& kernels);
    Aes256Ctr cipher;
    KeystreamUse use;
  };
  RingBits bits_;
  std::deque<Stream> streams_;
};

// What fits the second-level cache of any CPU of the last ten years beside the expanded keys: the
// piece of ApplyTo, and a good one for a caller that makes words and masks them piece by piece.
inline constexpr std::size_t kMaskPieceBytes = 128 * 1024;

// MaskSum for one range of one vector.
void ApplyMasks(RingBits bits, std::span<const MaskTerm> terms, std::span<std::uint8_t> words,
                std::uint64_t first_word = 0);

}  // namespace veilsum::secure_agg
