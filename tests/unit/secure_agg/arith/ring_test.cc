// SA-41: elementwise arithmetic modulo 2^k and centred decoding.
#include "secure_agg/arith/ring.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace veilsum::secure_agg {
namespace {

class Ring : public testing::TestWithParam<RingBits> {};

TEST_P(Ring, DecodesTheEndsOfItsRange) {
  const int k = static_cast<int>(GetParam());
  const std::int64_t top = static_cast<std::int64_t>((std::uint64_t{1} << (k - 1)) - 1);
  const std::vector<std::int64_t> values = {0, 1, -1, top, -top - 1};
  Bytes words(values.size() * WordBytes(GetParam()));
  EncodeRing(GetParam(), values, words);
  EXPECT_EQ(DecodeCentred(GetParam(), words), values);
}

TEST_P(Ring, WordsAreLittleEndian) {
  Bytes words(WordBytes(GetParam()));
  EncodeRing(GetParam(), std::vector<std::int64_t>{-2}, words);
  EXPECT_EQ(words.front(), 0xfe);
  EXPECT_EQ(words.back(), 0xff);
}

TEST_P(Ring, SumsDecodeExactlyWhileTheyFit) {
  std::mt19937_64 random(3);
  const int k = static_cast<int>(GetParam());
  for (const std::size_t dim : {1u, 7u, 32u, 33u, 1000u}) {
    std::vector<std::int64_t> expected(dim);
    Bytes accumulator(dim * WordBytes(GetParam()));
    for (int member = 0; member < 5; ++member) {
      std::vector<std::int64_t> values(dim);
      for (std::size_t i = 0; i < dim; ++i) {
        values[i] = static_cast<std::int64_t>(random()) >> (64 - k + 3);  // five of these fit
        expected[i] += values[i];
      }
      Bytes words(accumulator.size());
      EncodeRing(GetParam(), values, words);
      AddWords(GetParam(), accumulator, words);
    }
    EXPECT_EQ(DecodeCentred(GetParam(), accumulator), expected);
  }
}

TEST_P(Ring, SubtractingTakesBackWhatWasAdded) {
  Bytes accumulator(200 * WordBytes(GetParam()), 0xab);
  const Bytes before = accumulator;
  Bytes words(accumulator.size());
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<std::uint8_t>(i * 37);
  AddWords(GetParam(), accumulator, words);
  EXPECT_NE(accumulator, before);
  SubtractWords(GetParam(), accumulator, words);
  EXPECT_EQ(accumulator, before);
}

INSTANTIATE_TEST_SUITE_P(Widths, Ring,
                         testing::Values(RingBits::k16, RingBits::k32, RingBits::k64));

TEST(RingBits, OnlyThreeWidthsExist) {
  EXPECT_TRUE(ParseRingBits(16).ok());
  for (const int bits : {0, 8, 21, 33, 65, 128})
    EXPECT_FALSE(ParseRingBits(static_cast<std::uint64_t>(bits)).ok());
}

}  // namespace
}  // namespace veilsum::secure_agg
