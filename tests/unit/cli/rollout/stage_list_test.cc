#include "cli/rollout/stage_list.h"

#include "tests/support/status_matchers.h"

namespace veilsum::cli {
namespace {

using absl::StatusCode;

TEST(StageList, TimesHaveUnits) {
  for (const auto& [text, seconds] : std::map<std::string, coordinator::Seconds>{
           {"0", 0}, {"90s", 90}, {"15m", 900}, {"4h", 14'400}, {"365d", 31'536'000}}) {
    ASSERT_OK_AND_ASSIGN(const coordinator::Seconds read, ParseDuration(text));
    EXPECT_EQ(read, seconds) << text;
  }
  for (const char* text : {"", "h", "-1h", "1w", "366d", "4h ", "9223372036854775807d"})
    EXPECT_EQ(ParseDuration(text).status().code(), StatusCode::kInvalidArgument) << text;
}

TEST(StageList, StepsRise) {
  ASSERT_OK_AND_ASSIGN(const auto steps, ParseSteps("1:4h,50:0"));
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].percent, 1u);
  EXPECT_EQ(steps[0].bake, 14'400);
  EXPECT_EQ(steps[1].percent, 50u);
  ASSERT_OK_AND_ASSIGN(const auto none, ParseSteps("none"));
  EXPECT_TRUE(none.empty());
  for (const char* text :
       {"", "5", "0:1h", "100:1h", "5:1h,5:1h", "50:1h,5:1h", "5:1h,", "5:1x", "5x:1h"})
    EXPECT_EQ(ParseSteps(text).status().code(), StatusCode::kInvalidArgument) << text;
}

}  // namespace
}  // namespace veilsum::cli
