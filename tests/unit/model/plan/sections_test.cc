#include "model/contract/privacy_terms.h"
#include "model/plan/plan_format.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/plan/text.h"
#include "tests/unit/model/small_plan.h"

namespace veilsum::model {
namespace {

TEST(PlanToml, EvaluationIsASectionOfItsOwn) {
  ASSERT_OK_AND_ASSIGN(const Plan without, ParsePlanToml(kExamplePlan, "plan.toml"));
  EXPECT_FALSE(without.evaluation.has_value());
  EXPECT_EQ(PlanToJson(without).find("evaluation"), std::string::npos)
      << "plans without it keep their bytes and their hash";
  const auto with = [](const std::string& keys) {
    return ParsePlanToml(kExamplePlan + ("\n[evaluation]\n" + keys), "plan.toml");
  };
  ASSERT_OK_AND_ASSIGN(const Plan plain, with(""));
  ASSERT_TRUE(plain.evaluation.has_value());
  EXPECT_EQ(plain.evaluation->share, Exactly(1));
  EXPECT_EQ(plain.evaluation->bins, 32u);
  EXPECT_EQ(plain.evaluation->attempts_max, 1u);
  ASSERT_OK_AND_ASSIGN(const Plan given, with("share = \"0.5\"\nbins = 64\nattempts_max = 3\n"));
  const std::string json = PlanToJson(given);
  EXPECT_NE(json.find(R"("evaluation":{"attempts_max":3,"bins":64,"share":"0.5"})"),
            std::string::npos);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(json));
  EXPECT_EQ(PlanToJson(again), json);
  const auto refused = [&](const char* keys, const char* named) {
    EXPECT_THAT(with(keys), StatusIs(absl::StatusCode::kInvalidArgument, named));
  };
  refused("share = \"0\"", "evaluation.share is \"0\"");
  refused("share = \"1.5\"", "evaluation.share is \"1.5\"");
  refused("bins = 1", "evaluation.bins is 1, must be 2 to 4096");
  refused("attempts_max = 0", "evaluation.attempts_max is 0, must be 1 to 16");
  refused("every = 3", "evaluation.every is not a key");
}

TEST(PlanToml, EvaluationMayHaveGroups) {
  const auto with = [](const std::string& keys) {
    return ParsePlanToml(kExamplePlan + ("\n[evaluation]\n" + keys), "plan.toml");
  };
  const std::string table = ParsePlanToml(kExamplePlan, "p")->label.table;
  const std::string column = "group = \"" + table + ".sex\"\n";
  ASSERT_OK_AND_ASSIGN(const Plan plan, with(column + "groups = [\"f\", \"m\"]\n"));
  EXPECT_EQ(plan.evaluation->group_table, table);
  EXPECT_EQ(plan.evaluation->group_column, "sex");
  EXPECT_EQ(plan.evaluation->groups, (std::vector<std::string>{"f", "m"}));
  EXPECT_EQ(plan.evaluation->group_count(), 3u);
  const std::string json = PlanToJson(plan);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(json));
  EXPECT_EQ(again.evaluation->groups, plan.evaluation->groups);
  EXPECT_EQ(PlanToJson(again), json);
  ASSERT_OK_AND_ASSIGN(const Plan plain, with(""));
  EXPECT_EQ(plain.evaluation->group_count(), 1u);
  EXPECT_EQ(PlanToJson(plain).find("group"), std::string::npos) << "plans without keep their hash";
  const auto refused = [&](const std::string& keys, const char* named) {
    EXPECT_THAT(with(keys), StatusIs(absl::StatusCode::kInvalidArgument, named));
  };
  refused("group = \"sex\"\ngroups = [\"f\", \"m\"]", "evaluation.group is \"sex\"");
  refused("group = \"no.sex\"\ngroups = [\"f\", \"m\"]", "no [[table]] named \"no\"");
  refused("groups = [\"f\", \"m\"]", "evaluation.group");
  refused(column, "evaluation.groups");
  refused(column + "groups = [\"f\"]", "evaluation.groups must be a list of 2 to 16");
  std::string many = "groups = [\"g0\"";
  for (int i = 1; i < 17; ++i) many += ", \"g" + std::to_string(i) + "\"";
  refused(column + many + "]", "evaluation.groups must be a list of 2 to 16");
  refused(column + "groups = [\"f\", \"f\"]", "evaluation.groups names \"f\" twice");
  refused(column + "groups = [\"f\", \"other\"]", "names \"other\"");
}

TEST(PlanToml, EventsMayHaveColumnsThatTellThemApart) {
  const std::string timed = Replace(kExamplePlan, "[label]\n", "[label]\ntime = \"asked\"\n");
  const auto with = [&](const std::string& more) {
    return ParsePlanToml(timed + ("\n[[table]]\nname = \"log\"\nfile = \"log.csv\"\n" + more),
                         "plan.toml");
  };
  ASSERT_OK_AND_ASSIGN(const Plan all, with("time = \"at\"\n"));
  EXPECT_EQ(PlanToJson(all).find("unique"), std::string::npos) << "plans without keep their hash";
  ASSERT_OK_AND_ASSIGN(const Plan plan, with("time = \"at\"\nunique = [\"order\", \"item\"]\n"));
  EXPECT_EQ(plan.tables.back().unique, (std::vector<std::string>{"order", "item"}));
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanToJson(again), PlanToJson(plan));
  const auto refused = [&](const char* more, const char* named) {
    EXPECT_THAT(with(more), StatusIs(absl::StatusCode::kInvalidArgument, named));
  };
  refused("unique = [\"order\"]\n", "unique is of tables of events");
  refused("time = \"at\"\nunique = []\n", "unique must be a list of 1 to 16");
}

TEST(PlanToml, BandsAreInThePlanWhereTheyAreGiven) {
  ASSERT_OK_AND_ASSIGN(const Plan one, ParsePlanToml(kExamplePlan, "plan.toml"));
  EXPECT_EQ(PlanToJson(one).find("bands"), std::string::npos) << "plans without keep their hash";
  const auto with = [](const char* more) {
    return ParsePlanToml(
        Replace(kExamplePlan, "steps = 600\n", std::string("steps = 600\n") + more), "plan.toml");
  };
  ASSERT_OK_AND_ASSIGN(const Plan plan, with("bands = 8\n"));
  EXPECT_EQ(plan.training.bands, 8u);
  EXPECT_NE(PlanToJson(plan).find("\"bands\":8"), std::string::npos);
  ASSERT_OK_AND_ASSIGN(const Plan back, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(back.training.bands, 8u);
  EXPECT_EQ(WithoutPrivacy(plan).training.bands, 1u);
  EXPECT_THAT(with("bands = 0\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, "training.bands is 0, must be 1 to 64"));
  EXPECT_THAT(with("bands = 11\n"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "bands is 11: times sampling_rate 1/10 it must be at most 1"));
  EXPECT_THAT(with("bands = 65\n"), StatusIs(absl::StatusCode::kInvalidArgument, "bands is 65"));
}

TEST(PlanToml, LocalModeHasItsOwnKeys) {
  const std::string local =
      Replace(Replace(kExamplePlan, "optimizer = \"adam\"\n", ""), "mode = \"distributed\"",
              "mode = \"local\"\nlocal_steps = 10\nupdate_clamp = \"0.5\"");
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(local, "plan.toml"));
  EXPECT_OK(CheckRunnable(plan));
  EXPECT_EQ(plan.training.local_steps, 10u);
  EXPECT_EQ(plan.training.update_clamp, Exactly(1, 2));
  ASSERT_OK_AND_ASSIGN(const Plan back, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanToJson(back), PlanToJson(plan));
  EXPECT_EQ(WithoutPrivacy(plan).training.steps, plan.training.steps)
      << "[nonprivate] is for steps of all together";
  const auto refuses = [&](const std::string& text, const char* why) {
    EXPECT_THAT(ParsePlanToml(text, "plan.toml"),
                StatusIs(absl::StatusCode::kInvalidArgument, why));
  };
  refuses(Replace(local, "local_steps = 10\n", ""), "training.local_steps is missing");
  refuses(Replace(local, "update_clamp = \"0.5\"", "update_clamp = \"0\""), "update_clamp");
  refuses(Replace(local, "local_steps = 10\n", "local_steps = 10\nbands = 2\n"),
          "training.bands is not a key");
  refuses(Replace(kExamplePlan, "steps = 600\n", "steps = 600\nlocal_steps = 2\n"),
          "training.local_steps is not a key");
}

TEST(PlanToml, TheCoordinatorHasAnOptimizer) {
  ASSERT_OK_AND_ASSIGN(const Plan adam, ParsePlanToml(kExamplePlan, "plan.toml"));
  EXPECT_EQ(adam.training.optimizer, Optimizer::kAdam);
  const auto with = [](const std::string& line) {
    return ParsePlanToml(Replace(kExamplePlan, "optimizer = \"adam\"", line), "plan.toml");
  };
  ASSERT_OK_AND_ASSIGN(const Plan left_out, with(""));
  EXPECT_EQ(PlanToJson(left_out), PlanToJson(adam));
  ASSERT_OK_AND_ASSIGN(const Plan yogi, with("optimizer = \"yogi\""));
  EXPECT_EQ(yogi.training.optimizer, Optimizer::kYogi);
  ASSERT_OK_AND_ASSIGN(const Plan sgd, with("optimizer = \"sgd\"\nmomentum = \"0.5\""));
  EXPECT_EQ(sgd.training.momentum, Exactly(1, 2));
  for (const Plan& plan : {yogi, sgd}) {
    ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
    EXPECT_EQ(PlanToJson(again), PlanToJson(plan));
  }
  const auto refused = [&](const char* line, const char* named) {
    EXPECT_THAT(with(line), StatusIs(absl::StatusCode::kInvalidArgument, named));
  };
  refused("optimizer = \"average\"", "training.optimizer must be one of: adam, yogi, adagrad, sgd");
  refused("optimizer = \"adam\"\nmomentum = \"0.9\"", "training.momentum is not a key");
  refused("optimizer = \"sgd\"\nmomentum = \"1\"", "training.momentum is \"1\"");
  refused("server_learning_rate = \"1\"", "training.server_learning_rate is not a key");
}

TEST(PlanToml, WithLocalStepsTheCoordinatorTakesTheMeanUnlessToldOtherwise) {
  SmallPlan small;
  small.local_steps = 5;
  ASSERT_OK_AND_ASSIGN(const Plan mean, ParsePlanToml(SmallPlanToml(small), "p"));
  EXPECT_EQ(mean.training.optimizer, Optimizer::kAverage);
  EXPECT_NE(PlanToJson(mean).find(R"("optimizer":"average")"), std::string::npos);
  small.training = "optimizer = \"yogi\"\n";
  EXPECT_THAT(
      ParsePlanToml(SmallPlanToml(small), "p"),
      StatusIs(absl::StatusCode::kInvalidArgument, "training.server_learning_rate is missing"));
  small.training += "server_learning_rate = \"0.1\"\n";
  ASSERT_OK_AND_ASSIGN(const Plan yogi, ParsePlanToml(SmallPlanToml(small), "p"));
  EXPECT_EQ(yogi.training.server_learning_rate, Exactly(1, 10));
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(yogi)));
  EXPECT_EQ(PlanToJson(again), PlanToJson(yogi));
}

TEST(PlanToml, PenaltiesAreInThePlanWhereTheyAreGiven) {
  SmallPlan small;
  const auto of = [&](const std::string& lines) {
    small.training = lines;
    return ParsePlanToml(SmallPlanToml(small), "p");
  };
  ASSERT_OK_AND_ASSIGN(const Plan none, of(""));
  for (const char* key : {"\"l1\"", "\"l2\"", "proximal", "momentum", "server_learning_rate"})
    EXPECT_EQ(PlanToJson(none).find(key), std::string::npos) << "plans without keep their hash";
  ASSERT_OK_AND_ASSIGN(const Plan both, of("l1 = \"0.001\"\nl2 = \"0.01\"\n"));
  EXPECT_EQ(both.training.regularisation.l1, Exactly(1, 1000));
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(both)));
  EXPECT_EQ(PlanToJson(again), PlanToJson(both));
  const auto refused = [&](const char* lines, const char* named) {
    EXPECT_THAT(of(lines), StatusIs(absl::StatusCode::kInvalidArgument, named));
  };
  refused("l2 = \"-1\"\n", "training.l2 is \"-1\"");
  refused("l1 = \"1001\"\n", "training.l1 is \"1001\"");
  refused("proximal = \"1\"\n", "training.proximal is not a key");
  for (int* steps : {&small.local_steps, &small.merchant_steps}) {
    small.statistics = false;
    *steps = 3;  // at learning_rate 0.01
    ASSERT_OK_AND_ASSIGN(const Plan pulled, of("proximal = \"99\"\nl2 = \"1\"\n"));
    EXPECT_EQ(pulled.training.regularisation.proximal, Exactly(99));
    refused("proximal = \"100\"\nl2 = \"1\"\n", "training.proximal plus l2, times learning_rate");
    *steps = 0;
  }
}

SmallPlan Merchants() {
  SmallPlan small;
  small.merchant_steps = 3;
  small.statistics = false;
  return small;
}

TEST(MerchantPlan, RoundTripsAndSaysWhatItLacks) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(SmallPlanToml(Merchants()), "small.toml"));
  EXPECT_EQ(plan.training.merchant.expected_merchants, 5u);
  EXPECT_EQ(plan.training.merchant.quantile, Exactly(1, 2));
  EXPECT_OK(CheckRunnable(plan));
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  const auto refuses = [](SmallPlan small, const std::string& from, const std::string& to,
                          std::string_view what) {
    std::string text = SmallPlanToml(small);
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    EXPECT_THAT(ParsePlanToml(text.replace(at, from.size(), to), "small.toml"),
                StatusIs(absl::StatusCode::kInvalidArgument, std::string(what)));
  };
  refuses(Merchants(), "initial_clip = \"1\"\n", "", "training.initial_clip is missing");
  refuses(Merchants(), "expected_merchants = 5\n", "", "training.expected_merchants is missing");
  refuses(Merchants(), "expected_merchants = 5", "expected_merchants = 2", "expected_merchants");
  refuses(Merchants(), "bit_noise = \"2\"", "clip_quantile = \"1\"", "training.clip_quantile");
  SmallPlan both = Merchants();
  both.statistics = true;
  refuses(both, "name", "name", "statistics_share 0 in merchant mode");
  both = Merchants();
  both.evaluation_attempts = 1;
  refuses(both, "name", "name", "must be left out in merchant mode");
}

TEST(QuantilePlan, RoundTripsAndNeedsAShare) {
  SmallPlan small;
  small.quantile_bins = 16;
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(SmallPlanToml(small), "small.toml"));
  EXPECT_EQ(plan.statistics.bins, 16u);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  EXPECT_NE(PlanSha256(plan), PlanSha256(MakeSmallPlan())) << "without: no section";
  small.statistics = false;
  EXPECT_THAT(ParsePlanToml(SmallPlanToml(small), "small.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, "statistics_share is 0"));
  small.statistics = true;
  small.quantile_bins = 3;
  EXPECT_THAT(ParsePlanToml(SmallPlanToml(small), "small.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, "statistics.bins"));
}

TEST(Plan, DropoutAndLayerNormTravelAndReachTheLayout) {
  std::string text = kExamplePlan;
  const std::string plain = "dropout = \"0\"";
  text.replace(text.find(plain), plain.size(), "dropout = \"0.25\"\nnormalisation = \"layer\"");
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "plan.toml"));
  EXPECT_EQ(plan.network.dropout, Exactly(1, 4));
  EXPECT_TRUE(LayoutOf(plan).layer_norm());
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  ASSERT_OK_AND_ASSIGN(Plan before, ParsePlanToml(kExamplePlan, "plan.toml"));
  EXPECT_FALSE(LayoutOf(before).layer_norm());
  EXPECT_EQ(PlanToJson(before).find("normalisation"), std::string::npos) << "hashes stay";
  before.network = plan.network;
  EXPECT_EQ(PlanSha256(before), PlanSha256(plan));
  text.replace(text.find("\"layer\""), 7, "\"batch\"");
  EXPECT_THAT(ParsePlanToml(text, "plan.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, "normalisation"));
}

}  // namespace
}  // namespace veilsum::model
