#include "base/rational.h"

#include "tests/support/status_matchers.h"

namespace veilsum {
namespace {

TEST(Rational, ReadsFractionsDecimalsAndExponents) {
  for (const auto& [text, num, den] : {std::tuple{"1/10", 1u, 10u},
                                       {"0.005", 1u, 200u},
                                       {"1e-5", 1u, 100000u},
                                       {"3", 3u, 1u},
                                       {"1024/9875", 1024u, 9875u},
                                       {"2.5e1", 25u, 1u}}) {
    ASSERT_OK_AND_ASSIGN(const Rational r, Rational::Parse(text));
    EXPECT_EQ(r.numerator(), num) << text;
    EXPECT_EQ(r.denominator(), den) << text;
  }
}

TEST(Rational, RefusesWhatIsNotANumber) {
  for (const char* text : {"", "x", "1/0", "-1", "1/", "/2", "1e", "nan", "inf", " 1", "1 ",
                           "1e-30", "0x10", "99999999999999999999"})
    EXPECT_THAT(Rational::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument, "")) << text;
}

}  // namespace
}  // namespace veilsum
