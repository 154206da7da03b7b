#include "cli/dp/dp_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/canonical_json.h"

namespace veilsum::cli {
namespace {

using ::testing::HasSubstr;

struct Ran {
  std::string out, err;
  ExitCode exit_code;
};

Ran RunVeilsum(const std::string& line) {
  std::ostringstream out, err;
  ExitCode exit_code = ExitCode::kFailed;
  CLI::App app("veilsum");
  AddDpCommands(app, out, err, exit_code);
  try {
    app.parse(line, false);
  } catch (const CLI::ParseError& error) {
    return {"", error.what(), ExitCode::kUsage};
  }
  return {out.str(), err.str(), exit_code};
}

TEST(DpEpsilon, PrintsTheContractsKeys) {
  const Ran ran = RunVeilsum(
      "dp epsilon --noise-multiplier 1 --sampling-rate 0.01 --steps 1000 --delta 1e-5 --json");
  ASSERT_EQ(ran.exit_code, ExitCode::kDone) << ran.err;
  const Json answer = Json::parse(ran.out);
  EXPECT_NEAR(answer["epsilon"].get<double>(), 2.1,
              0.1);  // RDP's value for this textbook setting (Abadi et al. use it too)
  EXPECT_EQ(answer["accountant"], "rdp");
  EXPECT_EQ(answer["delta"], 1e-5);
  EXPECT_GT(answer["order"].get<double>(), 1);
}

TEST(DpEpsilon, IntegerNoiseUsesIntegerOrders) {
  // Golden row: sigma^2 = 1024, D2 = 32, T = 1000, delta = 1e-5.
  const Ran ran = RunVeilsum(
      "dp epsilon --noise-multiplier 1 --sampling-rate 1/100 --steps 1000 --delta 1e-5 --mechanism "
      "discrete-gaussian --json");
  ASSERT_EQ(ran.exit_code, ExitCode::kDone) << ran.err;
  const Json answer = Json::parse(ran.out);
  EXPECT_NEAR(answer["epsilon"].get<double>(), 2.107753075, 2e-6);
  EXPECT_EQ(answer["order"], 8);
}

TEST(DpNoise, MeetsTheTarget) {
  const Ran ran =
      RunVeilsum("dp noise --epsilon 2 --delta 1e-5 --sampling-rate 0.01 --steps 1000 --json");
  ASSERT_EQ(ran.exit_code, ExitCode::kDone) << ran.err;
  const Json answer = Json::parse(ran.out);
  EXPECT_LE(answer["epsilon"].get<double>(), 2);
  EXPECT_NEAR(answer["noise_multiplier"].get<double>(), 1.0223, 2e-3);
}

TEST(DpNoise, PrintsALineForPeople) {
  EXPECT_THAT(RunVeilsum("dp noise --epsilon 1 --delta 1e-5 --sampling-rate 1 --steps 1").out,
              HasSubstr("noise multiplier 4.0"));
}

TEST(DpEpsilon, SaysThatThisBuildHasNoPld) {
  const Ran ran = RunVeilsum(
      "dp epsilon --noise-multiplier 1 --sampling-rate 0.01 --steps 10 --delta 1e-5 --accountant "
      "pld --json");
  EXPECT_EQ(ran.exit_code, ExitCode::kUsage);
  EXPECT_THAT(ran.err, HasSubstr("this build has rdp only"));
  EXPECT_EQ(ran.out, "");
}

TEST(DpEpsilon, RefusesWhatHasNoMeaningByName) {
  const std::pair<const char*, const char*> cases[] = {
      {"--noise-multiplier 0 --sampling-rate 0.1 --steps 1 --delta 1e-5", "noise_multiplier is 0"},
      {"--noise-multiplier nan --sampling-rate 0.1 --steps 1 --delta 1e-5",
       "noise_multiplier is nan"},
      {"--noise-multiplier 1 --sampling-rate 3/2 --steps 1 --delta 1e-5", "sampling_rate is 3/2"},
      {"--noise-multiplier 1 --sampling-rate 0 --steps 1 --delta 1e-5", "sampling_rate is 0"},
      {"--noise-multiplier 1 --sampling-rate x --steps 1 --delta 1e-5", "sampling_rate"},
      {"--noise-multiplier 1 --sampling-rate 0.1 --steps 0 --delta 1e-5", "steps is 0"},
      {"--noise-multiplier 1 --sampling-rate 0.1 --steps 1 --delta 1", "delta is 1"},
      {"--noise-multiplier 1 --sampling-rate 0.1 --steps 1 --delta 1e-5 --mechanism laplace",
       "mechanism is laplace"},
      {"--noise-multiplier 1 --sampling-rate 0.1 --steps 1 --delta 1e-5 --mechanism skellam",
       "mechanism is skellam"},
      {"--noise-multiplier 1 --sampling-rate 0.1 --steps 1 --delta 1e-5 --neighbouring replace-one",
       "neighbouring is replace-one"},
      {"--noise-multiplier 1 --sampling-rate 0.1 --steps 1 --delta 1e-5 --accountant moments",
       "accountant is moments"},
  };
  for (const auto& [flags, message] : cases) {
    const Ran ran = RunVeilsum(std::string("dp epsilon ") + flags);
    EXPECT_EQ(ran.exit_code, ExitCode::kUsage) << flags;
    EXPECT_THAT(ran.err, HasSubstr(message)) << flags;
  }
}

TEST(DpEpsilon, WantsItsFlags) {
  EXPECT_EQ(RunVeilsum("dp epsilon --steps 10").exit_code, ExitCode::kUsage);
}

}  // namespace
}  // namespace veilsum::cli
