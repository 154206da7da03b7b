// Flags of `veilsum demo`: what is accepted, and what each refusal says.
#include "cli/demo/options.h"

#include "tests/support/status_matchers.h"

namespace veilsum::cli {
namespace {

TEST(DemoOptions, DefaultsLeaveTheChoiceToThePlan) {
  ASSERT_OK_AND_ASSIGN(const DemoOptions options, ParseDemoOptions({}));
  EXPECT_FALSE(options.data || options.plan || options.merchants || options.epsilon ||
               options.rounds);
  EXPECT_EQ(options.seed, 1u);
  EXPECT_EQ(options.drop, "0");
  EXPECT_EQ(options.out, "veilsum-demo");
}

TEST(DemoOptions, TakesEveryFlag) {
  DemoArguments arguments;
  CLI::App app;
  AddDemoFlags(app, arguments);
  app.parse(
      "--data d --plan p.toml --merchants 9 --epsilon 3 --delta 1e-5 --rounds 40 --seed 7 --drop "
      "0.2 "
      "--min-survivors 6 --out o --json --start-from pkg --release-key key.pem");
  ASSERT_OK_AND_ASSIGN(const DemoOptions options, ParseDemoOptions(arguments));
  EXPECT_EQ(options.data, "d");
  EXPECT_EQ(options.plan, "p.toml");
  EXPECT_EQ(options.merchants, 9u);
  EXPECT_EQ(options.epsilon, "3");
  EXPECT_EQ(options.delta, "1e-5");
  EXPECT_EQ(options.rounds, 40u);
  EXPECT_EQ(options.seed, 7u);
  EXPECT_EQ(options.drop, "0.2");
  EXPECT_EQ(options.min_survivors, 6u);
  EXPECT_EQ(options.out, "o");
  EXPECT_TRUE(options.json);
  EXPECT_EQ(options.start_from, "pkg");
  EXPECT_EQ(options.release_key, "key.pem");
}

TEST(DemoOptions, InfiniteEpsilonIsAChoice) {
  ASSERT_OK_AND_ASSIGN(const DemoOptions options, ParseDemoOptions({.epsilon = "inf"}));
  EXPECT_EQ(options.epsilon, "inf");
}

struct Refusal {
  const char* name;
  DemoArguments arguments;
  const char* complaint;
};
class DemoOptionsRefuse : public testing::TestWithParam<Refusal> {};

TEST_P(DemoOptionsRefuse, NamingFlagAndBound) {
  EXPECT_THAT(ParseDemoOptions(GetParam().arguments),
              StatusIs(absl::StatusCode::kInvalidArgument, GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    Flags, DemoOptionsRefuse,
    testing::Values(
        Refusal{"TooFewMerchants",
                {.merchants = "2"},
                "--merchants is \"2\", must be a whole number from 3 to 200"},
        Refusal{"TextForANumber", {.rounds = "many"}, "--rounds is \"many\""},
        Refusal{"NumberWithATail", {.rounds = "10x"}, "--rounds is \"10x\""},
        Refusal{"NoRounds", {.rounds = "0"}, "--rounds is \"0\""},
        Refusal{"NegativeSeed", {.seed = "-1"}, "--seed is \"-1\""},
        Refusal{"EpsilonZero", {.epsilon = "0"}, "--epsilon is \"0\", must be a number above 0"},
        Refusal{"EpsilonNegative", {.epsilon = "-3"}, "--epsilon"},
        Refusal{"EpsilonNan", {.epsilon = "nan"}, "--epsilon"},
        Refusal{"DeltaTooLarge",
                {.delta = "0.5"},
                "--delta is \"0.5\", must be a number above 0 and at most 0.1"},
        Refusal{"DropEverybody",
                {.drop = "1"},
                "--drop is \"1\", must be a number from 0 and at most 0.5"},
        Refusal{"OneSurvivor", {.min_survivors = "1"}, "--min-survivors is \"1\""}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace veilsum::cli
