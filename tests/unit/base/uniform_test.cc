// Uniform numbers below a bound, from words that a test gives.
#include "base/uniform.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace veilsum {
namespace {

class GivenWords final : public SecureRng {
 public:
  explicit GivenWords(std::vector<std::uint64_t> words) : words_(std::move(words)) {}
  void Fill(std::span<std::uint8_t> out) override {
    ASSERT_EQ(out.size(), sizeof(std::uint64_t));
    ASSERT_LT(used, words_.size());
    std::memcpy(out.data(), &words_[used++], out.size());
  }
  std::size_t used = 0;

 private:
  std::vector<std::uint64_t> words_;
};

constexpr std::uint64_t kLast = ~std::uint64_t{0};

TEST(Uniform, WordsOfTheIncompleteLastIntervalAreDrawnAgain) {
  // 2^64 = 1 mod 3: one word too many. 2^64 = 6 mod 10: six.
  GivenWords three({kLast, kLast - 1});
  EXPECT_EQ(UniformBelow(3, three), 2u);
  EXPECT_EQ(three.used, 2u);
  GivenWords ten({kLast, kLast - 5, kLast - 6, 7});
  EXPECT_EQ(UniformBelow(10, ten), 9u);
  EXPECT_EQ(ten.used, 3u);
  // Above 2^63 almost half of all words are.
  GivenWords half({kLast, (kLast >> 1) + 2, (kLast >> 1) + 1});
  EXPECT_EQ(UniformBelow((kLast >> 1) + 2, half), (kLast >> 1) + 1);
  EXPECT_EQ(half.used, 3u);
}

TEST(Uniform, APowerOfTwoRejectsNothing) {
  for (const std::uint64_t bound : {std::uint64_t{1}, std::uint64_t{8}, std::uint64_t{1} << 63}) {
    GivenWords one({kLast});
    EXPECT_EQ(UniformBelow(bound, one), bound - 1);
    EXPECT_EQ(one.used, 1u);
  }
}

// The last word that is kept is the last of an interval.
TEST(Uniform, WhatIsKeptIsAWholeNumberOfIntervals) {
  for (const std::uint64_t bound : {3ull, 5ull, 7ull, 12ull, 1000ull, 4294967291ull}) {
    std::uint64_t last = kLast;  // the largest word that is kept
    for (;; --last) {
      GivenWords words({last, 0});
      UniformBelow(bound, words);
      if (words.used == 1) break;
      ASSERT_LE(kLast - last, std::min<std::uint64_t>(bound, 2000));
    }
    EXPECT_EQ(last % bound, bound - 1) << bound;
  }
}

}  // namespace
}  // namespace veilsum
