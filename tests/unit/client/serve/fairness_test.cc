// How groups are treated: figures worked out by hand, intervals as published, and a released
// model's.
#include "client/serve/fairness.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "client/serve/group_report.h"
#include "client/serve/importance.h"
#include "client/serve/printable.h"
#include "client/serve/row_sample.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;

// Newcombe, Statistics in Medicine 17 (1998): pages 857 to 872 (table I, method 3) and 873 to 890
// (table II, method 10).
TEST(Intervals, AreThePublishedOnes) {
  const double z = StandardErrors(0.95);
  EXPECT_NEAR(z, 1.959963984540054, 1e-12);
  EXPECT_NEAR(StandardErrors(0.99), 2.5758293035489004, 1e-12);
  const auto expect = [](const Interval& found, double low, double high) {
    EXPECT_NEAR(found.low, low, 5e-5);
    EXPECT_NEAR(found.high, high, 5e-5);
  };
  expect(WilsonShare(81, 263, z), 0.2553, 0.3662);
  expect(WilsonShare(15, 148, z), 0.0624, 0.1605);
  expect(WilsonShare(0, 20, z), 0, 0.1611);
  expect(WilsonShare(20, 20, z), 0.8389, 1);
  expect(ShareDifference(WilsonShare(56, 70, z), WilsonShare(48, 80, z)), 0.0524, 0.3339);
  expect(ShareDifference(WilsonShare(9, 10, z), WilsonShare(3, 10, z)), 0.1705, 0.8090);
  expect(ShareDifference(WilsonShare(10, 10, z), WilsonShare(0, 10, z)), 0.6075, 1);
}

float LogitOf(double p) { return static_cast<float>(std::log(p / (1 - p))); }

// Two rows for each pair of (probability, label).
GroupRows GroupOf(const std::string& name, const std::vector<std::pair<double, int>>& rows) {
  GroupRows out{name, {}, {}};
  for (const auto& [p, label] : rows)
    for (int twice = 0; twice < 2; ++twice) {
      out.logits.push_back(LogitOf(p));
      out.labels.push_back(static_cast<float>(label));
    }
  return out;
}

TEST(Fairness, OfTwoGroupsIsWhatItIsByHand) {
  const std::vector<GroupRows> groups = {
      GroupOf("b", {{0.85, 1}, {0.75, 1}, {0.65, 0}, {0.15, 0}}),
      GroupOf("a", {{0.85, 1}, {0.25, 1}, {0.25, 0}, {0.15, 0}, {0.15, 0}}),
      GroupOf("few", {{0.9, 1}})};
  ASSERT_OK_AND_ASSIGN(const Fairness out, MeasureFairness(groups, {0.5, 8}));
  ASSERT_EQ(out.groups.size(), 2u);
  EXPECT_EQ(out.too_small, std::vector<std::string>{"few"});
  EXPECT_EQ(out.together.rows, 18u) << "groups without figures are in no other figure";
  const GroupFigures &a = out.groups[0], &b = out.groups[1];
  EXPECT_EQ(a.name, "a");
  EXPECT_NEAR(a.selected.share->value, 0.2, 1e-12);
  EXPECT_NEAR(b.selected.share->value, 0.75, 1e-12);
  EXPECT_NEAR(a.true_positives.share->value, 0.5, 1e-12);
  EXPECT_EQ(a.true_positives.of, 4u);
  EXPECT_NEAR(b.true_positives.share->value, 1, 1e-12);
  EXPECT_NEAR(a.false_positives.share->value, 0, 1e-12);
  EXPECT_NEAR(b.false_positives.share->value, 0.5, 1e-12);
  EXPECT_NEAR(b.roc_auc->value, 1, 1e-12);
  EXPECT_NEAR(a.roc_auc->value, (3 + 2.5) / 6, 1e-12) << "a tie counts one half";
  // Bins of a: one row pair at 0.85 (rate 1), two at 0.25 (rate 1/2), two at 0.15 (rate 0).
  EXPECT_NEAR(a.calibration_error, (0.15 + 2 * 0.25 + 2 * 0.15) / 5, 1e-6);
  const double chance =
      std::sqrt(2 * 0.85 * 0.15) + std::sqrt(4 * 0.25 * 0.75) + std::sqrt(4 * 0.15 * 0.85);
  EXPECT_NEAR(a.calibration_by_chance, std::sqrt(2 / std::acos(-1.0)) * chance / 10, 1e-6);
  const double z = StandardErrors(0.95);
  const Interval parity = ShareDifference(WilsonShare(6, 8, z), WilsonShare(2, 10, z));
  EXPECT_EQ(out.demographic_parity->highest, "b");
  EXPECT_EQ(out.demographic_parity->lowest, "a");
  EXPECT_NEAR(out.demographic_parity->difference.value, 0.55, 1e-12);
  EXPECT_NEAR(out.demographic_parity->difference.low, parity.low, 1e-9);
  EXPECT_NEAR(out.demographic_parity->difference.high, parity.high, 1e-9);
  EXPECT_NEAR(out.equalised_odds->difference.value, 0.5, 1e-12);
  EXPECT_GE(out.equalised_odds->difference.high, out.false_positives->difference.high);
}

TEST(Fairness, RefusesWhatItCannotMeasure) {
  const GroupRows good = GroupOf("a", {{0.8, 1}, {0.3, 0}});
  EXPECT_OK(MeasureFairness({good}, {0.5, 4}));
  EXPECT_THAT(MeasureFairness({good}, {0.5, 5}),
              StatusIs(StatusCode::kFailedPrecondition, "no group has 5 rows"));
  EXPECT_THAT(MeasureFairness({good}, {1.5, 1}),
              StatusIs(StatusCode::kInvalidArgument, "threshold"));
  EXPECT_THAT(MeasureFairness({good}, {0.5, 0}),
              StatusIs(StatusCode::kInvalidArgument, "min_group"));
  GroupRows bad = good;
  bad.labels.pop_back();
  EXPECT_THAT(MeasureFairness({bad}, {0.5, 1}), StatusIs(StatusCode::kInvalidArgument, "labels"));
  ASSERT_OK_AND_ASSIGN(const Fairness one, MeasureFairness({good}, {0.5, 1}));
  EXPECT_FALSE(one.demographic_parity || one.equalised_odds);
  ASSERT_OK_AND_ASSIGN(const Fairness lone,
                       MeasureFairness({good, GroupOf("b", {{0.8, 1}})}, {0.5, 1}));
  EXPECT_TRUE(lone.demographic_parity && lone.true_positives);
  EXPECT_FALSE(lone.false_positives || lone.equalised_odds) << "b has no row of label 0";
  EXPECT_FALSE(lone.groups[1].roc_auc);
}

// Four groups treated alike: the limits of the greatest difference have the truth, 0, above 95 % of
// the time though the pair is chosen by the rows; a group treated otherwise is found.
TEST(Fairness, LimitsHoldWhicheverPairIsFurthestApart) {
  std::mt19937_64 rng(5);
  const auto uniform = [&] { return static_cast<double>(rng() >> 11) * 0x1p-53; };
  int covered = 0, found = 0;
  for (int trial = 0; trial < 200; ++trial)
    for (const double odd : {0.3, 0.6}) {
      std::vector<GroupRows> groups;
      for (int g = 0; g < 4; ++g) {
        GroupRows& group = groups.emplace_back();
        group.name = absl::StrFormat("g%d", g);
        for (int i = 0; i < 150; ++i) {
          group.logits.push_back(uniform() < (g == 2 ? odd : 0.3) ? 1.0f : -1.0f);
          group.labels.push_back(i % 2 == 0 ? 1.0f : 0.0f);
        }
      }
      const Fairness out = MeasureFairness(groups, {}).value();
      const Interval& gap = out.demographic_parity->difference;
      if (odd == 0.3) covered += gap.low <= 0 && gap.high >= 0;
      if (odd == 0.6) found += gap.low > 0 && out.demographic_parity->highest == "g2";
    }
  EXPECT_GE(covered, 190);
  EXPECT_GE(found, 190);
}

TEST(Printable, LeavesATerminalNothingToObey) {
  EXPECT_EQ(Printable("Zo\xc3\xab\x1b[2J\n\x7f"), "Zo\xc3\xab?[2J??");
  EXPECT_EQ(Printable(""), "(empty)");
}

// ---- Of a released model

class Asked : public testing::Test {
 protected:
  static std::shared_ptr<const Predictor> Model() {
    const release::ReleaseInput input = release::SampleInput(1);
    return Predictor::Create({.manifest = input.facts,
                              .digest = {},
                              .privacy = input.privacy,
                              .plan = input.plan,
                              .layout = model::LayoutOf(input.plan),
                              .model = input.model})
        .value();
  }
  std::string Write(int rows, const std::string& label = "1") const {
    std::string text = "id,a,b,c,d,e,f,y,town\n";
    for (int i = 0; i < rows; ++i)
      text += absl::StrFormat("u%d,%g,%g,0.25,%s,x y,%s,%s,%s\n", i, 0.01 * (i % 97), 0.02 * i - 1,
                              i % 3 == 0 ? "red" : "blue", i % 5 == 0 ? "good" : "bad",
                              i % 2 == 0 ? "0" : label, i % 10 == 0 ? "York" : "Bath");
    folder_.Write("rows.csv", text);
    return (folder_.path() / "rows.csv").string();
  }
  const std::shared_ptr<const Predictor> predictor_ = Model();
  TempFolder folder_;
};

TEST_F(Asked, ByAColumnThatItDoesNotReadItGroupsAllRows) {
  FairnessQuestion question{Write(2500), "town", {0.5, 250}};
  ASSERT_OK_AND_ASSIGN(const Fairness out, GroupFairness(*predictor_, question));
  ASSERT_EQ(out.groups.size(), 2u);
  EXPECT_EQ(out.groups[0].rows, 2250u);
  EXPECT_EQ(out.groups[1].rows, 250u);
  EXPECT_EQ(out.groups[1].positives.hits, 0u) << "in York every label is 0";
  EXPECT_EQ(out.together.positives.hits, 1250u);
  const auto json = nlohmann::json::parse(FairnessJson(*predictor_, question, out));
  EXPECT_EQ(json["groups"][1]["group"], "York");
  EXPECT_TRUE(json["groups"][1]["true_positive_rate"].is_null());
  EXPECT_TRUE(json["differences"]["demographic_parity"]["value"].is_number());
  EXPECT_TRUE(json["differences"]["equalised_odds"].is_null());
  question.terms.min_group = 251;
  ASSERT_OK_AND_ASSIGN(const Fairness one, GroupFairness(*predictor_, question));
  EXPECT_NE(FairnessText(question, one).find("York         fewer than 251 rows: no figures"),
            std::string::npos);
  question.group = "d";  // which the model reads
  ASSERT_OK_AND_ASSIGN(const Fairness colours, GroupFairness(*predictor_, question));
  EXPECT_EQ(colours.groups[1].name, "red");
  question.group = "t.d";
  EXPECT_OK(GroupFairness(*predictor_, question));
}

TEST_F(Asked, WithoutWhatFairnessNeedsItSaysSo) {
  FairnessQuestion question{Write(10), "country", {0.5, 1}};
  EXPECT_THAT(GroupFairness(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "column country is missing"));
  question.group = "id";
  question.data = Write(65);
  EXPECT_THAT(GroupFairness(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "more than 64 values"));
  question.data = Write(3, "maybe");
  EXPECT_THAT(GroupFairness(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "rows.csv:3: column y"));
  release::Release release = predictor_->release();
  release.plan.task = model::Task::kRegression;
  const auto of_values = Predictor::Create(std::move(release)).value();
  EXPECT_THAT(GroupFairness(*of_values, question),
              StatusIs(StatusCode::kFailedPrecondition, "binary"));
  question.data = Write(0);
  EXPECT_THAT(GroupFairness(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "no rows"));
}

TEST_F(Asked, WhichColumnsMoveItsPredictions) {
  ImportanceQuestion question{Write(40), 40, 1};
  ASSERT_OK_AND_ASSIGN(const Importance out, MeasureImportance(*predictor_, question));
  EXPECT_EQ(out.explained, 40u);
  ASSERT_EQ(out.features.size(), predictor_->plan().features.size());
  const RowEncoder& encoder = *predictor_->encoder().value();
  model::Examples rows = encoder.Empty();
  const auto source = OpenRowSource(question.data, encoder.wanted(), "id").value();
  for (FlatRow row; source->Next(row).value();) ASSERT_OK(encoder.Append(row, "rows", rows));
  ASSERT_OK_AND_ASSIGN(const auto predictions, predictor_->Predict(rows, true));
  double size = 0, direction = 0, shares = 0;
  for (const Prediction& p : predictions) {
    size += std::abs(p.why->features[0]) / 40;
    direction += p.why->features[0] / 40;
  }
  for (std::size_t i = 0; i < out.features.size(); ++i) {
    shares += out.features[i].share;
    if (i > 0) {
      EXPECT_LE(out.features[i].size, out.features[i - 1].size);
    }
    if (out.features[i].feature != "t.a") continue;
    EXPECT_NEAR(out.features[i].size, size, 1e-9);
    EXPECT_NEAR(out.features[i].direction, direction, 1e-9);
  }
  EXPECT_NEAR(shares, 1, 1e-9);
  question = {Write(3000), 20, 7};
  ASSERT_OK_AND_ASSIGN(const Importance sampled, MeasureImportance(*predictor_, question));
  EXPECT_EQ(sampled.rows, 3000u);
  EXPECT_EQ(sampled.explained, 20u);
  ASSERT_OK_AND_ASSIGN(const Importance again, MeasureImportance(*predictor_, question));
  EXPECT_EQ(ImportanceJson(*predictor_, sampled), ImportanceJson(*predictor_, again));
  question.data = Write(0);
  EXPECT_THAT(MeasureImportance(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "no rows"));
}

TEST(RowSample, TakesEachRowAlike) {
  std::vector<int> taken(20);
  for (std::uint64_t seed = 0; seed < 20000; ++seed) {
    RowSample sample(5, seed);
    std::vector<std::size_t> at(5);
    for (std::size_t row = 0; row < 20; ++row)
      if (const auto place = sample.Place()) at[*place] = row;
    for (const std::size_t row : at) ++taken[row];
  }
  for (const int count : taken) EXPECT_NEAR(count, 5000, 5 * std::sqrt(20000 * 0.25 * 0.75));
}

}  // namespace
}  // namespace veilsum::client
