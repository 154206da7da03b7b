#include "model/plan/decimal.h"

#include "tests/support/status_matchers.h"

namespace veilsum::model {
namespace {

TEST(DecimalText, IsTheShortestExactDecimal) {
  EXPECT_EQ(DecimalText(Exactly(0)), "0");
  EXPECT_EQ(DecimalText(Exactly(64800)), "64800");
  EXPECT_EQ(DecimalText(Exactly(1, 200)), "0.005");
  EXPECT_EQ(DecimalText(Exactly(1, 100000)), "0.00001");
  EXPECT_EQ(DecimalText(Exactly(5, 4)), "1.25");
  EXPECT_EQ(DecimalText(Exactly(1, 1'000'000'000'000'000'000)), "0.000000000000000001");
}

TEST(DecimalText, FallsBackToAFraction) {
  EXPECT_EQ(DecimalText(Exactly(1024, 9875)), "1024/9875");
}

TEST(Decimal, KeepsItsSignAndValue) {
  for (const auto& [text, value, canonical] : {std::tuple{"-0.5", -0.5, "-0.5"},
                                               {"12", 12.0, "12"},
                                               {"-0", 0.0, "0"},
                                               {"1e-5", 1e-5, "0.00001"},
                                               {"-2.50", -2.5, "-2.5"}}) {
    ASSERT_OK_AND_ASSIGN(const Decimal decimal, Decimal::Parse(text));
    EXPECT_EQ(decimal.ToDouble(), value) << text;
    EXPECT_EQ(decimal.ToString(), canonical) << text;
  }
}

TEST(Decimal, RefusesWhatIsNotADecimal) {
  for (const char* text : {"", "-", "--1", "1/2", "-1/2", "x", "nan", "inf", "+1", " 1"})
    EXPECT_THAT(Decimal::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument, "")) << text;
}

}  // namespace
}  // namespace veilsum::model
