#include "base/canonical_json.h"

#include <optional>

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

// Every parse is the general parser's answer, whichever way it was come by.
TEST(CanonicalJson, ReadsAsAGeneralParserWhoseValueIsWrittenAgain) {
  const auto general = [](std::string_view text) -> std::optional<Json> {
    Json value = Json::parse(text, nullptr, false);
    if (value.is_discarded()) return std::nullopt;
    const absl::StatusOr<std::string> again = EncodeCanonical(value);
    return again.ok() && *again == text ? std::optional(value) : std::nullopt;
  };
  const std::string deep = std::string(16, '[') + "1" + std::string(16, ']');
  const std::vector<std::string> good = {
      R"({"a":[true,false,"x"],"b_1":{"c":-9007199254740991,"d":0},"e":"","f":[],"g":{}})",
      deep,
      R"(["\u00e9 \u0001","é","\"\\/","~"])",
      "9007199254740991",
      R"("")",
      "-1"};
  for (const std::string& text : good) {
    for (std::size_t at = 0; at < text.size(); ++at)
      for (int change = 0; change < 256; ++change) {
        std::string other = text;
        other[at] = static_cast<char>(change);
        if (change == 0) other.erase(at, 1);
        if (change == 1) other.insert(at, 1, text[at]);
        const absl::StatusOr<Json> read = ParseCanonical(other);
        const std::optional<Json> expected = general(other);
        ASSERT_EQ(read.ok(), expected.has_value()) << other;
        if (!expected) continue;
        ASSERT_EQ(*read, *expected) << other;
        ASSERT_EQ(read->type(), expected->type()) << other;
      }
  }
  EXPECT_FALSE(ParseCanonical("[" + deep + "]").ok());
  EXPECT_TRUE(ParseCanonical(deep).ok());
}

}  // namespace
}  // namespace veilsum
