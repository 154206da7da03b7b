// Words of any script, and hashed n-grams: the rule of docs/features.md and the figures of
// REFERENCE.md.
#include <cmath>

#include "base/fnv1a.h"
#include "client/data/ngrams.h"
#include "client/data/utf8.h"
#include "client/data/words.h"
#include "tests/support/status_matchers.h"

namespace veilsum::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Words, AreRunsOfLettersAndDigitsInLowerCase) {
  EXPECT_THAT(Words("I LOVE it, size-6 (petite)!"),
              ElementsAre("i", "love", "it", "size", "6", "petite"));
  EXPECT_THAT(Words("don't"), ElementsAre("don", "t"));
  EXPECT_THAT(Words(""), IsEmpty());
  EXPECT_THAT(Words(" \t\n.,;"), IsEmpty());
}

TEST(Words, FoldCaseAndLatinAccents) {
  EXPECT_THAT(Words("ÉTÉ Über Łódź ÆON Œuvre"), ElementsAre("ete", "uber", "lodz", "æon", "œuvre"));
  EXPECT_THAT(Words("cafe\u0301"), ElementsAre("cafe"));  // the accent as a mark of its own
  EXPECT_THAT(Words("ΌΜΟΡΦΟΣ όμορφος"), ElementsAre("όμορφοσ", "όμορφοσ"));
  EXPECT_THAT(Words("ПЛАТЬЕ Ёлка Їжак"), ElementsAre("платье", "ёлка", "їжак"));
  EXPECT_THAT(Words("ՀԱՅ"), ElementsAre("հայ"));
  EXPECT_THAT(Words("ＡＢＣ　１２"), ElementsAre("abc", "12"));
}

TEST(Words, IdeographsAndPictographsStandAlone) {
  EXPECT_THAT(Words("很好看 dress"), ElementsAre("很", "好", "看", "dress"));
  EXPECT_THAT(Words("すき"), ElementsAre("す", "き"));
  EXPECT_THAT(Words("great😀😀shoes❤️"), ElementsAre("great", "😀", "😀", "shoes", "❤"));
  EXPECT_THAT(Words("정말 좋아요"), ElementsAre("정말", "좋아요"));
  EXPECT_THAT(Words("فستان جميل، جدا"), ElementsAre("فستان", "جميل", "جدا"));
}

TEST(Words, PunctuationOfAnyScriptSeparatesAndJoinersDoNot) {
  EXPECT_THAT(Words("a—b…c“d”e·f€g"), ElementsAre("a", "b", "c", "d", "e", "f", "g"));
  EXPECT_THAT(Words("很。好"), ElementsAre("很", "好"));
  EXPECT_THAT(Words("so\u00ADft zero\u200Bwidth"), ElementsAre("soft", "zerowidth"));
}

TEST(Utf8, CodePointsGoThereAndBack) {
  for (const char32_t c :
       {0x1u, 0x7fu, 0x80u, 0x7ffu, 0x800u, 0xd7ffu, 0xe000u, 0xffffu, 0x10000u, 0x10ffffu}) {
    std::string text;
    AppendUtf8(c, text);
    std::size_t at = 0;
    EXPECT_EQ(NextCodePoint(text, at), c);
    EXPECT_EQ(at, text.size());
    EXPECT_TRUE(IsUtf8(text));
  }
  for (const std::string broken :
       {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82"}) {
    std::size_t at = 0;
    EXPECT_EQ(NextCodePoint(broken, at), kNotUtf8);
    EXPECT_FALSE(IsUtf8(broken));
  }
}

model::Feature Text(std::uint32_t buckets, std::uint32_t ngrams, std::uint32_t max_terms) {
  model::Feature feature;
  feature.kind = model::FeatureKind::kText;
  feature.column = "text";
  feature.buckets = buckets;
  feature.ngrams = ngrams;
  feature.max_terms = max_terms;
  return feature;
}

model::IdList Encode(const model::Feature& feature, std::vector<std::string_view> texts) {
  model::IdList list{feature.buckets, feature.max_terms, {}, {}};
  AppendText(feature, texts, list);
  return list;
}

TEST(Ngrams, AreHashedWithTheColumnsNameAndScaledToLengthOne) {
  const model::IdList list = Encode(Text(4096, 2, 8), {"Love! love"});
  // "love" twice and "love love" once, by the hashes of REFERENCE.md.
  EXPECT_EQ(list.ids[0], 293u);
  EXPECT_EQ(list.ids[1], Fnv1a64("text=love love") % 4096);
  EXPECT_FLOAT_EQ(list.weights[0], static_cast<float>(2 / std::sqrt(5.0)));
  EXPECT_FLOAT_EQ(list.weights[1], static_cast<float>(1 / std::sqrt(5.0)));
  ASSERT_EQ(list.ids.size(), 8u);
  for (std::size_t k = 2; k < 8; ++k) {
    EXPECT_EQ(list.ids[k], 0u);
    EXPECT_EQ(list.weights[k], 0.0f);
  }
  EXPECT_EQ(Encode(Text(4096, 2, 8), {"not flattering"}).ids[1], 2176u);
}

TEST(Ngrams, DoNotReachFromOneColumnIntoTheNext) {
  const model::IdList apart = Encode(Text(1u << 20, 2, 8), {"not", "flattering"});
  EXPECT_THAT(std::vector(apart.weights.begin(), apart.weights.begin() + 3),
              ElementsAre(testing::Gt(0), testing::Gt(0), 0.0f));
}

TEST(Ngrams, OnlyTheFirstTermsCountAndTheLengthStaysOne) {
  const model::IdList list = Encode(Text(1u << 20, 1, 3), {"a b a c d d d d"});
  EXPECT_THAT(list.weights, ElementsAre(testing::FloatEq(2 / std::sqrt(6.0f)),
                                        testing::FloatEq(1 / std::sqrt(6.0f)),
                                        testing::FloatEq(1 / std::sqrt(6.0f))));
}

TEST(Ngrams, AnEmptyTextIsAllZero) {
  const model::IdList list = Encode(Text(16, 2, 3), {"", " ... "});
  EXPECT_THAT(list.weights, testing::Each(0.0f));
  EXPECT_THAT(list.ids, testing::Each(0u));
}

}  // namespace
}  // namespace veilsum::client
