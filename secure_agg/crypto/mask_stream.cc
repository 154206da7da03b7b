#include "secure_agg/crypto/mask_stream.h"

#include <algorithm>
#include <deque>

#include "base/crypto/aes256_ctr.h"
#include "secure_agg/arith/ring.h"

namespace veilsum::secure_agg {
namespace {

constexpr std::size_t kBlockBytes = 16;
constexpr std::size_t kChunkBytes =
    16 * 1024;  // accumulator and keystream chunk lie in the first-level cache together

}  // namespace

void ApplyMasks(RingBits bits, std::span<const MaskTerm> terms, std::span<std::uint8_t> words,
                std::uint64_t first_word) {
  const std::uint64_t first_byte = first_word * WordBytes(bits);
  VEILSUM_CHECK(first_byte % kBlockBytes == 0 && first_byte + words.size() <= std::uint64_t{1}
                                                                                  << 36);  // SA-40
  std::deque<Aes256Ctr> streams;  // one key schedule a seed, made once
  for (const MaskTerm& term : terms) streams.emplace_back(term.seed).Seek(first_byte / kBlockBytes);
  Bytes keystream(std::min(kChunkBytes, words.size()));
  for (std::size_t at = 0; at < words.size(); at += kChunkBytes) {
    const std::span<std::uint8_t> chunk =
        words.subspan(at, std::min(kChunkBytes, words.size() - at));
    const std::span<std::uint8_t> mask = std::span(keystream).first(chunk.size());
    for (std::size_t i = 0; i < terms.size(); ++i) {
      streams[i].Generate(mask);
      terms[i].sign == MaskSign::kAdd ? AddWords(bits, chunk, mask)
                                      : SubtractWords(bits, chunk, mask);
    }
  }
  sodium_memzero(keystream.data(), keystream.size());
}

}  // namespace veilsum::secure_agg
