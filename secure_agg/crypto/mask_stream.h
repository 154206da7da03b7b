// Masks: seeds expanded with AES-256-CTR, block i of a seed = AES(0^8 | BE64(i)) (SA-40), and added
// to a vector. The narrow place where faster kernels go: whatever runs here must give the bytes of
// the portable expansion.
#pragma once

#include "base/secret.h"
#include "secure_agg/params.h"

namespace veilsum::secure_agg {

enum class MaskSign { kAdd, kSubtract };

// One seed expands one stream of one slot and role; its bytes map in order to the vector's words.
struct MaskTerm {
  Secret<32> seed;
  MaskSign sign;
};

// words += sum of the terms' masks, modulo 2^k per word. The vector is walked once, in pieces that
// stay in cache, all terms on each. `first_word` says where in the whole vector `words` begins, so
// that shards may run on several threads; it must be a whole number of 16-byte blocks. At most 2^36
// bytes in all (SA-40).
void ApplyMasks(RingBits bits, std::span<const MaskTerm> terms, std::span<std::uint8_t> words,
                std::uint64_t first_word = 0);

}  // namespace veilsum::secure_agg
