#include "base/canonical_json.h"

#include "tests/support/status_matchers.h"

namespace veilsum {
namespace {

TEST(CanonicalJson, SortsKeysAndWritesNoSpace) {
  ASSERT_OK_AND_ASSIGN(const std::string text, EncodeCanonical(Json{{"b", 1}, {"a", {true, "x"}}}));
  EXPECT_EQ(text, R"({"a":[true,"x"],"b":1})");
  EXPECT_OK(ParseCanonical(text));
}

TEST(CanonicalJson, RefusesWhatTwoParsersCouldReadDifferently) {
  for (const char* text :
       {R"({"a":1.0})", R"({"a":null})", R"({"A":1})", R"({"a":9007199254740992})", R"({ "a":1})",
        R"({"b":1,"a":2})", R"({"a":1,"a":1})", R"({"a":"\u0041"})", "[1,]", "", "{\"a\":1}\n"})
    EXPECT_THAT(ParseCanonical(text), StatusIs(absl::StatusCode::kInvalidArgument, "")) << text;
}

}  // namespace
}  // namespace veilsum
