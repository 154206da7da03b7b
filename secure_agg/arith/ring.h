// Vectors over Z_2^k, k in {16, 32, 64}, as they travel: little-endian words of k bits, added
// elementwise without carries between elements (SA-41). All integers are taken modulo 2^k; a sum is
// decoded to the representative nearest zero.
#pragma once

#include "secure_agg/params.h"

namespace veilsum::secure_agg {

// Writes each value modulo 2^k. out.size() must be values.size() words.
void EncodeRing(RingBits bits, std::span<const std::int64_t> values, std::span<std::uint8_t> out);

// The value v of each word with -2^(k-1) <= v < 2^(k-1). words.size() must be a whole number of
// words.
std::vector<std::int64_t> DecodeCentred(RingBits bits, ByteView words);
// The same into `values`, one for each word.
void DecodeCentred(RingBits bits, ByteView words, std::span<std::int64_t> values);

// accumulator += words, accumulator -= words. Same size, a whole number of words. No
// secret-dependent branch.
void AddWords(RingBits bits, std::span<std::uint8_t> accumulator, ByteView words);
void SubtractWords(RingBits bits, std::span<std::uint8_t> accumulator, ByteView words);

}  // namespace veilsum::secure_agg
