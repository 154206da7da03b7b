#include "secure_agg/arith/ring.h"

#include <bit>
#include <cstring>

namespace veilsum::secure_agg {
namespace {

static_assert(std::endian::native == std::endian::little, "words are stored as they travel");

template <class Word>
Word LoadWord(const std::uint8_t* bytes) {
  Word word;
  std::memcpy(&word, bytes, sizeof(Word));
  return word;
}

// accumulator = accumulator + sign * words. Pieces of 64 bytes with a constant trip count, so that
// the compiler uses vector instructions at -O2.
template <class Word, bool kSubtract>
void Accumulate(std::uint8_t* accumulator, const std::uint8_t* words, std::size_t size) {
  constexpr std::size_t kPiece = 64 / sizeof(Word);
  const auto step = [](std::uint8_t* a, const std::uint8_t* w) {
    const Word sum =
        kSubtract ? LoadWord<Word>(a) - LoadWord<Word>(w) : LoadWord<Word>(a) + LoadWord<Word>(w);
    std::memcpy(a, &sum, sizeof(Word));
  };
  std::size_t at = 0;
  for (; at + 64 <= size; at += 64) {
    Word a[kPiece];
    Word w[kPiece];
    std::memcpy(a, accumulator + at, 64);
    std::memcpy(w, words + at, 64);
    for (std::size_t i = 0; i < kPiece; ++i)
      a[i] = static_cast<Word>(kSubtract ? a[i] - w[i] : a[i] + w[i]);
    std::memcpy(accumulator + at, a, 64);
  }
  for (; at < size; at += sizeof(Word)) step(accumulator + at, words + at);
}

template <bool kSubtract>
void Dispatch(RingBits bits, std::span<std::uint8_t> accumulator, ByteView words) {
  VEILSUM_CHECK(accumulator.size() == words.size() && words.size() % WordBytes(bits) == 0);
  switch (bits) {
    case RingBits::k16:
      return Accumulate<std::uint16_t, kSubtract>(accumulator.data(), words.data(), words.size());
    case RingBits::k32:
      return Accumulate<std::uint32_t, kSubtract>(accumulator.data(), words.data(), words.size());
    case RingBits::k64:
      return Accumulate<std::uint64_t, kSubtract>(accumulator.data(), words.data(), words.size());
  }
}

template <class Word>
void EncodeAs(std::span<const std::int64_t> values, std::uint8_t* out) {
  for (const std::int64_t value : values) {
    const Word word = static_cast<Word>(static_cast<std::uint64_t>(value));
    std::memcpy(out, &word, sizeof(Word));
    out += sizeof(Word);
  }
}

// Two's complement is the centred representative: -2^(k-1) <= v < 2^(k-1).
template <class SignedWord>
void DecodeAs(const std::uint8_t* words, std::span<std::int64_t> values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = LoadWord<SignedWord>(words + i * sizeof(SignedWord));
}

}  // namespace

void EncodeRing(RingBits bits, std::span<const std::int64_t> values, std::span<std::uint8_t> out) {
  VEILSUM_CHECK(out.size() == values.size() * WordBytes(bits));
  switch (bits) {
    case RingBits::k16:
      return EncodeAs<std::uint16_t>(values, out.data());
    case RingBits::k32:
      return EncodeAs<std::uint32_t>(values, out.data());
    case RingBits::k64:
      return EncodeAs<std::uint64_t>(values, out.data());
  }
}

std::vector<std::int64_t> DecodeCentred(RingBits bits, ByteView words) {
  std::vector<std::int64_t> values(words.size() / WordBytes(bits));
  DecodeCentred(bits, words, values);
  return values;
}

void DecodeCentred(RingBits bits, ByteView words, std::span<std::int64_t> values) {
  VEILSUM_CHECK(words.size() == values.size() * WordBytes(bits));
  switch (bits) {
    case RingBits::k16:
      return DecodeAs<std::int16_t>(words.data(), values);
    case RingBits::k32:
      return DecodeAs<std::int32_t>(words.data(), values);
    case RingBits::k64:
      return DecodeAs<std::int64_t>(words.data(), values);
  }
}

void AddWords(RingBits bits, std::span<std::uint8_t> accumulator, ByteView words) {
  Dispatch<false>(bits, accumulator, words);
}

void SubtractWords(RingBits bits, std::span<std::uint8_t> accumulator, ByteView words) {
  Dispatch<true>(bits, accumulator, words);
}

}  // namespace veilsum::secure_agg
