#include "cli/dp/dp_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/canonical_json.h"
#include "tests/support/temp_folder.h"

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

TEST(DpEpsilon, BandsAreReleasesOfAGroupAtBTimesTheRate) {
  const Ran banded = RunVeilsum(
      "dp epsilon --noise-multiplier 3 --sampling-rate 1/10 --bands 4 --steps 401 --delta 1e-5 "
      "--json");
  const Ran plain = RunVeilsum(
      "dp epsilon --noise-multiplier 3 --sampling-rate 2/5 --steps 101 --delta 1e-5 --json");
  ASSERT_EQ(banded.exit_code, ExitCode::kDone) << banded.err;
  EXPECT_EQ(Json::parse(banded.out)["epsilon"], Json::parse(plain.out)["epsilon"]);
  EXPECT_EQ(Json::parse(banded.out)["bands"], 4);
  EXPECT_FALSE(Json::parse(plain.out).contains("bands"));
  for (const auto& [flags, why] :
       {std::pair("--bands 11", "bands is 11: times the sampling rate 1/10"),
        std::pair("--bands 0", "bands is 0"),
        std::pair("--bands 2 --merchants 2", "merchants is 2")}) {
    const Ran ran = RunVeilsum(
        std::string(
            "dp epsilon --noise-multiplier 3 --sampling-rate 1/10 --steps 400 --delta 1e-5 ") +
        flags);
    EXPECT_EQ(ran.exit_code, ExitCode::kUsage);
    EXPECT_THAT(ran.err, HasSubstr(why));
  }
}

TEST(DpExplain, SaysWhatBandsAre) {
  const Ran ran = RunVeilsum(
      "dp explain --noise-multiplier 3 --sampling-rate 1/10 --bands 4 --steps 400 --delta 1e-5");
  ASSERT_EQ(ran.exit_code, ExitCode::kDone) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("0.4 of one of 4 fixed groups of customers"));
}

TEST(DpBands, RanksWhatDividesTheSteps) {
  const Ran ran = RunVeilsum(
      "dp bands --epsilon 8 --delta 1e-5 --sampling-rate 1/1000 --steps 200 --most-bands 10 "
      "--json");
  ASSERT_EQ(ran.exit_code, ExitCode::kDone) << ran.err;
  const Json choices = Json::parse(ran.out)["choices"];
  EXPECT_EQ(choices.size(), 6u);  // 1, 2, 4, 5, 8, 10
  for (std::size_t i = 1; i < choices.size(); ++i)
    EXPECT_LE(choices[i - 1]["error"], choices[i]["error"]);
  EXPECT_GT(choices[0]["bands"].get<int>(), 1) << "few passes";
  EXPECT_EQ(
      RunVeilsum("dp bands --epsilon 8 --delta 1e-5 --sampling-rate 1/1000 --steps 0").exit_code,
      ExitCode::kUsage);
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

TEST(DpNoise, PrivacyLossAccountingMeetsTheKnownNoise) {
  const Ran ran = RunVeilsum(
      "dp noise --epsilon 2 --delta 1e-6 --sampling-rate 0.05 --steps 1000 --accountant pld "
      "--json");
  ASSERT_EQ(ran.exit_code, ExitCode::kDone) << ran.err;
  const Json answer = Json::parse(ran.out);
  EXPECT_LE(answer["epsilon"].get<double>(), 2);
  EXPECT_GE(answer["noise_multiplier"].get<double>(), 3.65234);
  EXPECT_LE(answer["noise_multiplier"].get<double>(), 3.65234 * 1.002);
  EXPECT_GT(answer["epsilon_rdp"].get<double>(), 2);
}

TEST(DpEpsilon, OtherNoiseNeighboursAndMerchants) {
  const auto epsilon = [](const std::string& flags) {
    const Ran ran = RunVeilsum(
        "dp epsilon --noise-multiplier 2 --sampling-rate 0.05 --steps 100 --delta 1e-5 --json " +
        (flags.find("--accountant") == std::string::npos ? "--accountant pld " + flags : flags));
    EXPECT_EQ(ran.exit_code, ExitCode::kDone) << ran.err;
    return ran.exit_code == ExitCode::kDone ? Json::parse(ran.out)["epsilon"].get<double>() : NAN;
  };
  const double plain = epsilon("");
  EXPECT_GT(epsilon("--accountant rdp"), plain);
  EXPECT_GT(epsilon("--neighbouring replace-one"), plain);
  EXPECT_GT(epsilon("--merchants 2"), plain);
  EXPECT_NEAR(epsilon("--mechanism discrete-gaussian"), plain, 1e-9);
  EXPECT_NEAR(epsilon("--mechanism discrete-gaussian --sensitivity 4096 --dimension 1000"), plain,
              1e-5);
  EXPECT_GT(epsilon("--mechanism skellam --sensitivity 1024 --dimension 1000 --accountant rdp"),
            plain);
  EXPECT_GT(epsilon("--mechanism laplace"), 0);
}

TEST(DpCurve, GrowsWithTheSteps) {
  const std::string flags =
      " --noise-multiplier 2 --sampling-rate 0.05 --steps 100 --delta 1e-5 --accountant rdp";
  const Json answer = Json::parse(RunVeilsum("dp curve --json" + flags).out);
  ASSERT_EQ(answer["points"].size(), 12u);
  EXPECT_EQ(answer["points"][11]["steps"], 100);
  EXPECT_EQ(answer["points"][11]["epsilon"], answer["epsilon"]);
  for (std::size_t i = 1; i < 12; ++i)
    EXPECT_GT(answer["points"][i]["epsilon"], answer["points"][i - 1]["epsilon"]);
  EXPECT_THAT(RunVeilsum("dp curve" + flags).out, HasSubstr("####"));
}

TEST(DpExplain, SaysWhatSomebodyCanKnow) {
  const Ran ran = RunVeilsum(
      "dp explain --noise-multiplier 2 --sampling-rate 0.05 --steps 100 --delta 1e-5 --accountant "
      "pld");
  EXPECT_THAT(ran.out, HasSubstr("% sure of the truth"));
  EXPECT_THAT(ran.out, HasSubstr("upper bound computed by the privacy-loss distribution"));
}

TEST(DpExplain, NeverRoundsToCertaintyNorBelowTheBound) {
  const auto explain = [](const std::string& noise) {
    return RunVeilsum(
               "dp explain --sampling-rate 1/10 --steps 100 --delta 1e-5 --noise-multiplier " +
               noise)
        .out;
  };
  // epsilon = 7.899185: 1 / (1 + e^-epsilon) = 0.99962906.
  EXPECT_THAT(explain("1"), HasSubstr("at most epsilon = 7.9 "));
  EXPECT_THAT(explain("1"), HasSubstr("at most 99.963 % sure of the truth"));
  EXPECT_THAT(explain("1"), HasSubstr("weak by itself"));
  EXPECT_THAT(explain("0.3"), HasSubstr("as good as certain"));
  for (const char* noise : {"0.3", "0.5", "1", "2", "8"})
    EXPECT_THAT(explain(noise), testing::Not(HasSubstr("100 %"))) << noise;
}

class DpEvents : public testing::Test {
 protected:
  Ran Evaluate(const std::string& events, const std::string& flags = "") {
    folder_.Write("events.json", events);
    const char* const accountant =
        flags.find("--accountant") == std::string::npos ? "--accountant pld " : "";
    return RunVeilsum("dp events " + (folder_.path() / "events.json").string() +
                      " --delta 1e-6 --json " + accountant + flags);
  }

 private:
  TempFolder folder_;
};

TEST_F(DpEvents, ComposesWhatTheListSays) {
  const Ran ran = Evaluate(
      R"([{"sampling_rate":"1/100","noise_multiplier":"1","count":500,"purpose":"train"},)"
      R"({"mechanism":"gaussian","sampling_rate":0.05,"noise_multiplier":2,"count":250}])");
  ASSERT_EQ(ran.exit_code, ExitCode::kDone) << ran.err;
  const Json answer = Json::parse(ran.out);
  EXPECT_NEAR(answer["epsilon"].get<double>(), 2.507538, 1e-4);
  EXPECT_EQ(answer["events"], 2);
  EXPECT_EQ(answer["releases"], 750);
}

TEST_F(DpEvents, ASelectionAmongRunsCostsMoreThanOneAndLessThanAll) {
  const std::string run = R"({"sampling_rate":"1/50","noise_multiplier":1.2,"count":500})";
  const auto epsilon = [&](const std::string& events) {
    const Ran ran = Evaluate("[" + events + "]", "--accountant rdp");
    EXPECT_EQ(ran.exit_code, ExitCode::kDone) << ran.err;
    return ran.exit_code == ExitCode::kDone ? Json::parse(ran.out)["epsilon"].get<double>() : NAN;
  };
  const std::string selection =
      R"({"mechanism":"select","eta":0,"gamma":"0.05","events":[)" + run + "]}";
  // 6.34 runs on average; 3.7534 by a separate program, which does not refine the order.
  EXPECT_NEAR(epsilon(selection), 3.7534, 5e-3);
  EXPECT_GT(epsilon(selection), epsilon(run));
  EXPECT_LT(epsilon(selection), epsilon(run + "," + run + "," + run + "," + run + "," + run));
  EXPECT_GT(epsilon(selection + "," + run), epsilon(selection));
  const Ran pld = Evaluate("[" + selection + "]");
  EXPECT_EQ(pld.exit_code, ExitCode::kUsage);
  EXPECT_THAT(pld.err, HasSubstr("no bound by accountant pld: use rdp"));
}

TEST_F(DpEvents, ABandedRunCountsTheStepsOfOneGroup) {
  const auto answer = [&](const std::string& events) { return Json::parse(Evaluate(events).out); };
  const Json banded = answer(
      R"([{"mechanism":"banded","bands":8,"sampling_rate":"1/5","noise_multiplier":2,"count":100}])");
  const Json plain = answer(R"([{"sampling_rate":"1/5","noise_multiplier":2,"count":13}])");
  EXPECT_EQ(banded["epsilon"], plain["epsilon"]);
  EXPECT_EQ(banded["releases"], 13);
}

TEST_F(DpEvents, NamesThePlaceOfWhatIsWrong) {
  for (const auto& [events, message] : std::initializer_list<std::pair<const char*, const char*>>{
           {"{}", "must be a JSON list"},
           {"[1]", "events[0]: must be an object"},
           {R"([{"noise_multiplier":1},{"noise_multiplier":0}])",
            "events[1]: noise_multiplier is 0"},
           {R"([{"noise_multiplier":1,"sampling_rate":"3/2"}])", "sampling_rate is 3/2"},
           {R"([{"noise_multiplier":1,"count":-1}])", "events[0].count: must be an integer"},
           {R"([{"noise_multiplier":1,"sigma":2}])", "events[0].sigma: there is no such field"},
           {R"([{"noise_multiplier":1,"mechanism":"uniform"}])", "mechanism is uniform"},
           {R"([{"noise_multiplier":1,"eta":1}])", "events[0]: eta: a mechanism gaussian has none"},
           {R"([{"noise_multiplier":1,"mechanism":"banded"}])", "events[0]: bands is 0"},
           {R"([{"mechanism":"select","eta":1,"gamma":0.1}])",
            "events[0]: a selection needs eta, gamma and events"},
           {R"([{"mechanism":"select","eta":1,"gamma":2,"events":[{"noise_multiplier":1}]}])",
            "events[0]: gamma is 2, must be at least 1e-9"},
           {R"([{"mechanism":"select","eta":1,"gamma":0.1,"events":[{"noise_multiplier":0}]}])",
            "events[0].events[0]: noise_multiplier is 0"},
           {R"([{"mechanism":"select","eta":1,"gamma":0.1,"events":[)"
            R"({"mechanism":"select","eta":1,"gamma":0.1,"events":[]}]}])",
            "events[0].events[0]: a selection cannot be part of a selection"}}) {
    const Ran ran = Evaluate(events);
    EXPECT_EQ(ran.exit_code, ExitCode::kFindings) << events;
    EXPECT_THAT(ran.err, HasSubstr(message)) << events;
  }
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
      {"--noise-multiplier 1 --sampling-rate 0.1 --steps 1 --delta 1e-5 --mechanism uniform",
       "mechanism is uniform"},
      {"--noise-multiplier 1 --sampling-rate 0.1 --steps 1 --delta 1e-5 --mechanism skellam",
       "sensitivity is 0"},
      {"--noise-multiplier 1 --sampling-rate 0.1 --steps 1 --delta 1e-5 --merchants 0",
       "merchants is 0"},
      {"--noise-multiplier 1 --sampling-rate 0.1 --steps 1 --delta 1e-5 --neighbouring replace-one "
       "--accountant rdp",
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
