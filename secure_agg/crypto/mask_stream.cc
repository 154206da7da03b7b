#include "secure_agg/crypto/mask_stream.h"

#include <algorithm>

namespace veilsum::secure_agg {
namespace {

constexpr std::size_t kBlockBytes = 16;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 36;
static_assert(kMaskPieceBytes % kBlockBytes == 0);

KeystreamUse UseOf(RingBits bits, MaskSign sign) {
  const bool add = sign == MaskSign::kAdd;
  switch (bits) {
    case RingBits::k16:
      return add ? KeystreamUse::kAdd16 : KeystreamUse::kSubtract16;
    case RingBits::k32:
      return add ? KeystreamUse::kAdd32 : KeystreamUse::kSubtract32;
    case RingBits::k64:
      break;
  }
  return add ? KeystreamUse::kAdd64 : KeystreamUse::kSubtract64;
}

}  // namespace

MaskSum::Stream::Stream(const MaskTerm& term, RingBits bits, const CtrKernels& kernels)
    : cipher(term.seed, kernels), use(UseOf(bits, term.sign)) {}

MaskSum::MaskSum(RingBits bits, std::span<const MaskTerm> terms, const CtrKernels& kernels)
    : bits_(bits) {
  for (const MaskTerm& term : terms) streams_.emplace_back(term, bits, kernels);
}

void MaskSum::ApplyTo(std::span<std::uint8_t> words, std::uint64_t first_word) {
  const std::size_t word_bytes = WordBytes(bits_);
  VEILSUM_CHECK(first_word <= kMostBytes / word_bytes);  // so that the next product is exact
  const std::uint64_t first_byte = first_word * word_bytes;
  VEILSUM_CHECK(words.size() % word_bytes == 0 && first_byte % kBlockBytes == 0 &&
                words.size() <= kMostBytes - first_byte);  // SA-40
  for (std::size_t at = 0; at < words.size(); at += kMaskPieceBytes) {
    const std::span<std::uint8_t> piece =
        words.subspan(at, std::min(kMaskPieceBytes, words.size() - at));
    for (Stream& stream : streams_)
      stream.cipher.Apply(stream.use, (first_byte + at) / kBlockBytes, piece);
  }
}

void ApplyMasks(RingBits bits, std::span<const MaskTerm> terms, std::span<std::uint8_t> words,
                std::uint64_t first_word) {
  MaskSum(bits, terms).ApplyTo(words, first_word);
}

}  // namespace veilsum::secure_agg
