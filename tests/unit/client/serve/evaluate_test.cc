// What recommendations are worth: rankings against popularity, policies from logs, and both of a
// released model.
#include "client/serve/evaluate.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "client/data/feature_encoder.h"
#include "client/serve/off_policy.h"
#include "client/serve/ranking.h"
#include "client/serve/ranking_quality.h"
#include "client/serve/row_source.h"
#include "model/mlp.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum::client {
namespace {

const auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(RankingQuality, CountsHitsAndDiscountsTheirRanks) {
  const std::vector<double> scores = {3, 2, 1, 0, /**/ 1, 1, 1, 1, /**/ 0, 1, 2, 3};
  const std::vector<std::size_t> chosen = {1, 1, 0};  // ranks 1, 1 (of equals the earlier), 3
  ASSERT_OK_AND_ASSIGN(const auto quality, MeasureRanking(scores, chosen, 4, 2));
  EXPECT_EQ(quality.rows, 3u);
  EXPECT_NEAR(quality.hit_rate, 2.0 / 3, 1e-12);
  EXPECT_NEAR(quality.ndcg, 2 / std::log2(3.0) / 3, 1e-12);
  const std::vector<std::size_t> seen = {3, 3, 0, 3, 0};
  ASSERT_OK_AND_ASSIGN(const auto popular, MeasurePopularity(seen, chosen, 4, 2));
  EXPECT_EQ(popular.hits, (std::vector<bool>{false, false, true}));
  const Margin margin = HitMargin(quality, popular);
  EXPECT_NEAR(margin.difference, 1.0 / 3, 1e-12);
  EXPECT_NEAR(margin.error, std::sqrt((1 - 1.0 / 9) / 3), 1e-12);
  EXPECT_THAT(MeasureRanking(scores, {}, 4, 2), StatusIs(kInvalid, "nothing"));
  EXPECT_THAT(MeasureRanking(scores, chosen, 3, 2), StatusIs(kInvalid, "scores"));
  EXPECT_THAT(MeasurePopularity(std::vector<std::size_t>{4}, chosen, 4, 2),
              StatusIs(kInvalid, "item 4"));
}

// Two decisions, worked out by hand.
TEST(OffPolicy, FollowsItsFormulas) {
  const std::vector<Episode> log = {
      {{0, 1, 0.5, {1, 0}, {0.5, 0.25}}, {1, 2, 0.25, {0.5, 0.5}, {1, 1.5}}},
      {{1, 4, 0.5, {1, 0}, {0.5, 0.25}}}};
  ASSERT_OK_AND_ASSIGN(const OffPolicy out, EvaluatePolicy(log, 0.5));
  EXPECT_EQ(out.episodes, 2u);
  EXPECT_EQ(out.decisions, 3u);
  EXPECT_NEAR(out.logged.value, (2.0 + 4) / 2, 1e-12);
  EXPECT_NEAR(out.direct.value, 0.5, 1e-12);
  // First place: weights 2 and 0, rewards 1 and 4. Second: weights 4 and 0, rewards 2 and none.
  EXPECT_NEAR(out.self_normalised.value, 1 + 0.5 * 2, 1e-12);
  EXPECT_NEAR(out.effective_episodes, 1, 1e-12);
  // 1.25 + 2 (2 - 1.5) = 2.25 is the later value; 0.5 + 2 (1 + 0.5 * 2.25 - 0.5) = 3.75; 0.5.
  EXPECT_NEAR(out.doubly_robust.value, (3.75 + 0.5) / 2, 1e-12);
  ASSERT_OK_AND_ASSIGN(const OffPolicy each, EvaluatePolicy(log, 0));
  EXPECT_EQ(each.episodes, 3u) << "without a discount a decision is an episode";
}

// A log of two actions with chances that depend on what is seen; the policy takes the better one.
TEST(OffPolicy, EstimatesWhatAPolicyEarnsWhateverTheModelSays) {
  std::mt19937_64 rng(3);
  const auto uniform = [&] { return static_cast<double>(rng() >> 11) * 0x1p-53; };
  for (const double wrong : {0.0, 0.6}) {  // how far off the model's values are
    std::vector<Episode> log;
    for (int i = 0; i < 20000; ++i) {
      const bool seen = uniform() < 0.5;
      const std::vector<double> chances = {seen ? 0.7 : 0.2, seen ? 0.1 : 0.4};
      const double second = seen ? 0.8 : 0.3;  // propensity of action 1: often the worse one
      const std::size_t action = uniform() < second ? 1 : 0;
      const double reward = uniform() < chances[action] ? 1 : 0;
      log.push_back({{action,
                      reward,
                      action == 1 ? second : 1 - second,
                      GreedyPolicy(chances, 0),
                      {chances[0] + wrong, chances[1] + wrong}}});
    }
    ASSERT_OK_AND_ASSIGN(const OffPolicy out, EvaluatePolicy(log, 0));
    const double truth = 0.5 * 0.7 + 0.5 * 0.4;
    EXPECT_NEAR(out.self_normalised.value, truth, 5 * out.self_normalised.error);
    EXPECT_NEAR(out.doubly_robust.value, truth, 5 * out.doubly_robust.error);
    EXPECT_LT(out.doubly_robust.error, 0.02);
    EXPECT_LT(out.logged.value, truth - 0.1);
    if (wrong > 0) {
      EXPECT_GT(std::abs(out.direct.value - truth), 0.1);
    }
  }
}

TEST(OffPolicy, RefusesLogsThatAreNone) {
  const Decision good{0, 1, 0.5, {1, 0}, {0, 0}};
  EXPECT_OK(EvaluatePolicy({{good}}, 0.9));
  EXPECT_THAT(EvaluatePolicy({}, 0), StatusIs(kInvalid, "no decisions"));
  EXPECT_THAT(EvaluatePolicy({{good}}, 1), StatusIs(kInvalid, "discount"));
  Decision bad = good;
  bad.propensity = 0;
  EXPECT_THAT(EvaluatePolicy({{bad}}, 0), StatusIs(kInvalid, "propensity"));
  bad = good;
  bad.action = 2;
  EXPECT_THAT(EvaluatePolicy({{bad}}, 0), StatusIs(kInvalid, "action 2"));
  bad = good;
  bad.policy = {0.5, 0.4};
  EXPECT_THAT(EvaluatePolicy({{bad}}, 0), StatusIs(kInvalid, "sums to"));
  EXPECT_EQ(GreedyPolicy(std::vector<double>{1, 3, 2, 0}, 0.5),
            (std::vector<double>{0.125, 0.625, 0.125, 0.125}));
}

// ---- Of a released model

std::shared_ptr<const Predictor> OfLoggedTask(model::Task task, const char* propensity = "") {
  const release::ReleaseInput input = release::SampleInput(1);
  release::Release r{.manifest = input.facts,
                     .digest = {},
                     .privacy = input.privacy,
                     .plan = input.plan,
                     .layout = model::LayoutOf(input.plan),
                     .model = input.model};
  r.plan.task = task;
  r.plan.label.kind = model::LabelKind::kClass;
  r.plan.label.values = {"red", "green", "blue"};
  if (task == model::Task::kQLearning) {
    r.plan.q_learning.emplace();
    r.plan.unit.max_rows = 4;
    r.plan.q_learning->reward = "paid";
    r.plan.q_learning->propensity = propensity;
    r.plan.q_learning->lo = model::Decimal::Parse("-1").value();
    r.plan.q_learning->hi = model::Decimal::Parse("20").value();
  }
  r.layout = model::LayoutOf(r.plan);
  r.model = release::SampleModel(r.layout, 0.2f);
  return Predictor::Create(std::move(r)).value();
}

// Rows in the form of serving_test's, with a label, a reward and a propensity.
std::string LoggedRows(const Predictor& predictor, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    nlohmann::json row = {{"id", absl::StrFormat("u%d", i / 2)},
                          {"a", 0.3 * i - 0.7},
                          {"b", -1},
                          {"c", 0.25},
                          {"d", i % 3 == 0 ? "red" : "blue"},
                          {"e", "x y"},
                          {"f", "good"},
                          {"paid", i % 5},
                          {"chance", 0.5}};
    row[predictor.plan().label.column] = i % 4 == 0 ? "green" : "blue";
    out += row.dump() + "\n";
  }
  return out;
}

TEST(EvaluateRows, OfItemsComparesWithPopularity) {
  const auto predictor = OfLoggedTask(model::Task::kRecommend);
  const TempFolder folder;
  folder.Write("rows.jsonl", LoggedRows(*predictor, 8));
  EvaluateQuestion question;
  question.data = (folder.path() / "rows.jsonl").string();
  question.top = 1;
  ASSERT_OK_AND_ASSIGN(const std::string text, EvaluateRows(*predictor, question));
  const auto found = nlohmann::json::parse(text);
  EXPECT_EQ(found["rows"], 8);
  EXPECT_EQ(found["items"], 3);
  EXPECT_EQ(found["popularity"]["hit_rate"], 0.75) << "blue";
  EXPECT_EQ(found["margin"]["hit_rate"].get<double>(),
            found["model"]["hit_rate"].get<double>() - 0.75);
  folder.Write("rows.jsonl", "{\"id\":\"u\"}\n");
  EXPECT_THAT(EvaluateRows(*predictor, question), StatusIs(kInvalid, "rows.jsonl"));
}

// Rankings, explanations and segments are those of a network with a column for each item.
TEST(Predictor, OfItemsWithAttributesScoresEachItem) {
  const release::ReleaseInput input = release::SampleInput(1);
  release::Release r{.manifest = input.facts,
                     .digest = {},
                     .privacy = input.privacy,
                     .plan = input.plan,
                     .layout = model::LayoutOf(input.plan),
                     .model = input.model};
  r.plan.task = model::Task::kRecommend;
  r.plan.label.kind = model::LabelKind::kClass;
  r.plan.label.values = {"red", "green", "blue"};
  r.plan.label.attributes = {{"warm"}, {"cold", "mixed"}, {"cold"}};
  r.layout = model::LayoutOf(r.plan);
  r.model = release::SampleModel(r.layout, 0.2f);
  const model::Layout layout = r.layout;
  const model::ModelVector model = r.model;
  const auto predictor = Predictor::Create(std::move(r)).value();
  const RowEncoder& encoder = *predictor->encoder().value();
  model::Examples rows = encoder.Empty();
  ASSERT_OK_AND_ASSIGN(const auto source,
                       RowsOfText(LoggedRows(*predictor, 3), "rows", encoder.wanted(),
                                  predictor->plan().unit.column));
  FlatRow row;
  while (source->Next(row).value()) ASSERT_OK(encoder.Append(row, "rows", rows));
  ASSERT_OK_AND_ASSIGN(const auto all, predictor->Predict(rows, true));
  ASSERT_OK_AND_ASSIGN(const auto logits, model::Logits(layout, model, rows));
  for (std::size_t i = 0; i < 3; ++i) {
    const auto mine = std::span(logits).subspan(3 * i, 3);
    EXPECT_EQ(all[i].chosen,
              static_cast<std::size_t>(std::ranges::max_element(mine) - mine.begin()));
    ASSERT_EQ(all[i].probabilities.size(), 3u);
    EXPECT_NEAR(std::log(all[i].probabilities[0] / all[i].probabilities[1]),
                static_cast<double>(mine[0] - mine[1]), 1e-5);
  }
}

TEST(RowSource, IsNoFolder) {
  const TempFolder folder;
  EXPECT_THAT(OpenRowSource(folder.path().string(), {}, "id"), StatusIs(kInvalid, "is a folder"));
}

TEST(EvaluateRows, OfActionsEstimatesTheirWorth) {
  const auto predictor = OfLoggedTask(model::Task::kQLearning);
  const TempFolder folder;
  folder.Write("rows.jsonl", LoggedRows(*predictor, 8));
  EvaluateQuestion question;
  question.data = (folder.path() / "rows.jsonl").string();
  EXPECT_THAT(EvaluateRows(*predictor, question), StatusIs(kInvalid, "--propensity"));
  question.propensity = "chance";
  ASSERT_OK_AND_ASSIGN(const std::string text, EvaluateRows(*predictor, question));
  const auto found = nlohmann::json::parse(text);
  EXPECT_EQ(found["decisions"], 8);
  EXPECT_EQ(found["logged"]["value"].get<double>(), (0 + 1 + 2 + 3 + 4 + 0 + 1 + 2) / 8.0);
  for (const char* estimate : {"self_normalised", "doubly_robust", "direct"})
    EXPECT_TRUE(found[estimate]["value"].is_number()) << estimate;
}

// Where the plan names the propensities, tables tell what flat rows do, of their hold-out.
TEST(EvaluateRows, OfActionsReadsAMerchantsTables) {
  const auto predictor = OfLoggedTask(model::Task::kQLearning, "chance");
  const model::Plan& plan = predictor->plan();
  std::string held = "id,a,b,c,d,e,f," + plan.label.column + ",paid,chance\n", all = held;
  for (int i = 0; i < 60; ++i) {
    const std::string id = absl::StrFormat("u%d", i / 2);
    const std::string line = absl::StrFormat(
        "%s,%g,-1,0.25,%s,x y,good,%s,%d,%s\n", id, 0.01 * i - 0.3, i % 3 == 0 ? "red" : "blue",
        i % 4 == 0 ? "green" : "blue", i % 5, i % 2 == 0 ? "0.5" : "0.25");
    all += line;
    if (IsHeldOutByHash(plan.holdout, id)) held += line;
  }
  const TempFolder folder;
  std::filesystem::create_directories(folder.path() / "shop");
  folder.Write("shop/" + plan.tables.front().file, all);
  folder.Write("held.csv", held);
  const auto found = [&](const char* data, const std::string& propensity = "") {
    return EvaluateRows(*predictor, {(folder.path() / data).string(), 10, propensity, 0.5});
  };
  ASSERT_OK_AND_ASSIGN(const std::string tables, found("shop"));
  ASSERT_OK_AND_ASSIGN(const std::string flat, found("held.csv"));
  const auto in_tables = nlohmann::json::parse(tables), in_flat = nlohmann::json::parse(flat);
  EXPECT_EQ(in_tables["decisions"], in_flat["decisions"]);
  EXPECT_GT(in_flat["decisions"], 4);
  for (const char* estimate : {"logged", "self_normalised", "doubly_robust", "direct"}) {
    const double value = in_flat[estimate]["value"].get<double>();
    EXPECT_NE(value, 0) << estimate;
    EXPECT_NEAR(in_tables[estimate]["value"].get<double>(), value, 1e-5) << "rewards are floats";
  }
  EXPECT_EQ(found("held.csv", "chance").value(), flat);
  EXPECT_THAT(found("shop", "chance"), StatusIs(kInvalid, "flat rows"));
  EXPECT_THAT(
      EvaluateRows(*OfLoggedTask(model::Task::kQLearning), {(folder.path() / "shop").string()}),
      StatusIs(absl::StatusCode::kFailedPrecondition, "names no [q_learning] propensity"));
  for (const char* wrong : {"0", "1.01", "-1", "nan", "x", "1e-60"})
    EXPECT_FALSE(ParsePropensity(wrong).ok()) << wrong;
}

TEST(Predictor, OfActionsGivesEachItsValueInUnitsOfTheReward) {
  const auto predictor = OfLoggedTask(model::Task::kQLearning);
  const TempFolder folder;
  const RowEncoder& encoder = *predictor->encoder().value();
  model::Examples rows = encoder.Empty();
  ASSERT_OK_AND_ASSIGN(const auto source,
                       RowsOfText(LoggedRows(*predictor, 3), "rows", encoder.wanted(),
                                  predictor->plan().unit.column));
  FlatRow row;
  while (source->Next(row).value()) ASSERT_OK(encoder.Append(row, "rows", rows));
  ASSERT_OK_AND_ASSIGN(const auto all, predictor->Predict(rows, false));
  ASSERT_OK_AND_ASSIGN(const auto outputs, model::Logits(predictor->release().layout,
                                                         predictor->release().model, rows));
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(all[i].values.size(), 3u);
    for (std::size_t a = 0; a < 3; ++a)
      EXPECT_EQ(all[i].values[a], 20 * static_cast<double>(outputs[3 * i + a]));
    EXPECT_EQ(all[i].value, *std::ranges::max_element(all[i].values));
  }
  EXPECT_EQ(PredictionCsvHeader(predictor->plan(), false), "id,action,value,v.red,v.green,v.blue");
  const auto best = Recommend(predictor->plan(), all, {}, 1);
  EXPECT_EQ(best[0].best[0].item, predictor->plan().label.values[all[0].chosen]);
  EXPECT_EQ(best[0].best[0].score, all[0].value);
  std::string json;
  AppendPredictionJson(predictor->plan(), all[0], json);
  EXPECT_EQ(nlohmann::json::parse(json)["values"].size(), 3u);
}

}  // namespace
}  // namespace veilsum::client
