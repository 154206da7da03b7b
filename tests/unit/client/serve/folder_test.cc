// A merchant's tables and flat rows of the same customers: every figure is the same, and what only
// tables can hold is refused by name.
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "client/data/feature_encoder.h"
#include "client/serve/evaluate.h"
#include "client/serve/group_report.h"
#include "client/serve/importance.h"
#include "client/serve/row_batches.h"
#include "client/serve/segments.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;
using nlohmann::json;

constexpr int kCustomers = 700;

class Folder : public testing::Test {
 protected:
  Folder() {
    std::string all = Header(), holdout = Header(), training = Header();
    for (int i = 0; i < kCustomers; ++i) {
      const std::string id = absl::StrFormat("c%d", i);
      const std::string line = absl::StrFormat(
          "%s,%g,%g,%g,v%d,red shoe %d,word%d,%d,\"group %d\"\n", id, Number(i, 1), Number(i, 2),
          Number(i, 3), i % 3, i % 5, i % 7, (i * 7919 % 11) < 4, i % 2);
      all += line;
      (IsHeldOutByHash(release::SamplePlan().holdout, id) ? holdout : training) += line;
    }
    const auto put = [&](const char* name, const std::string& text) {
      VEILSUM_CHECK(WriteFile(temp_.path() / name, text).ok());
      return (temp_.path() / name).string();
    };
    std::filesystem::create_directories(temp_.path() / "shop");
    put("shop/t.csv", all);
    folder_ = (temp_.path() / "shop").string();
    holdout_ = put("holdout.csv", holdout);
    // In the order in which a folder is read.
    all_ = put("all.csv", holdout + training.substr(Header().size()));
  }
  static std::string Header() { return "id,a,b,c,d,e,f,y,region\n"; }
  static double Number(int i, int salt) { return (i * 7907 * salt % 2001) / 1000.0 - 1; }
  std::string Fairness(const std::string& data, const std::string& group) {
    const FairnessQuestion question{data, group, {0.5, 10}};
    const auto found = GroupFairness(*predictor_, question);
    return found.ok() ? FairnessJson(*predictor_, question, *found) : found.status().ToString();
  }

  TempFolder temp_;
  std::string folder_, holdout_, all_;
  const std::shared_ptr<const Predictor> predictor_ = *Predictor::Create(
      *release::OpenPackage(release::SampleFiles(), release::SampleSigner().public_key()));
};

TEST_F(Folder, IsMeasuredLikeFlatRowsOfItsHoldOut) {
  ASSERT_OK_AND_ASSIGN(const std::string tables, EvaluateRows(*predictor_, {folder_}));
  ASSERT_OK_AND_ASSIGN(const std::string flat, EvaluateRows(*predictor_, {holdout_}));
  EXPECT_EQ(tables, flat);
  const json figures = json::parse(tables);
  EXPECT_GT(figures["rows"], 100);
  EXPECT_LT(figures["rows"], 200);
  EXPECT_LT(figures["roc_auc_interval"][0], figures["roc_auc"]);
  EXPECT_GT(figures["roc_auc_interval"][1], figures["roc_auc"]);
}

TEST_F(Folder, TreatsGroupsAsFlatRowsDo) {
  const json tables = json::parse(Fairness(folder_, "region"));
  EXPECT_EQ(tables, json::parse(Fairness(holdout_, "region")));
  EXPECT_EQ(tables["groups"].size(), 2u);
  json named = json::parse(Fairness(folder_, "t.region"));
  named["column"] = "region";
  EXPECT_EQ(named, tables);
}

TEST_F(Folder, ExplainsAllOfItsRows) {
  ASSERT_OK_AND_ASSIGN(const Importance tables, MeasureImportance(*predictor_, {folder_, 300, 5}));
  ASSERT_OK_AND_ASSIGN(const Importance flat, MeasureImportance(*predictor_, {all_, 300, 5}));
  EXPECT_EQ(tables.rows, std::size_t{kCustomers});
  EXPECT_EQ(ImportanceJson(*predictor_, tables), ImportanceJson(*predictor_, flat));
}

TEST_F(Folder, HasTheSameSegments) {
  SegmentsQuestion question;
  question.k = 3;
  question.traits = 100;
  question.data = folder_;
  ASSERT_OK_AND_ASSIGN(const Segments tables, FindSegments(*predictor_, question));
  question.data = all_;
  ASSERT_OK_AND_ASSIGN(const Segments flat, FindSegments(*predictor_, question));
  ASSERT_EQ(tables.segments.size(), flat.segments.size());
  const auto numbers = [](const Segment& segment) {
    std::map<std::string, double> out;
    for (const Trait& trait : segment.traits)
      if (!trait.value) out[trait.feature] = trait.segment;
    return out;
  };
  for (std::size_t s = 0; s < flat.segments.size(); ++s) {
    EXPECT_EQ(tables.segments[s].rows, flat.segments[s].rows);
    EXPECT_DOUBLE_EQ(tables.segments[s].score, flat.segments[s].score);
    const auto mine = numbers(tables.segments[s]), theirs = numbers(flat.segments[s]);
    ASSERT_EQ(mine.size(), 3u);
    for (const auto& [feature, mean] : theirs) EXPECT_NEAR(mine.at(feature), mean, 1e-6) << feature;
  }
}

TEST_F(Folder, IsNotWrittenTo) {
  SegmentsQuestion question;
  question.k = 2;
  question.data = folder_;
  question.out = folder_ + "/t.csv";
  ASSERT_OK_AND_ASSIGN(const std::string before, ReadFile(question.out));
  EXPECT_THAT(FindSegments(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "in the folder of the data"));
  ASSERT_OK_AND_ASSIGN(const std::string after, ReadFile(question.out));
  EXPECT_EQ(before, after);
}

TEST(FeatureName, TellsFeaturesOfOneColumnOfEventsApart) {
  model::Plan plan = release::SamplePlan();
  plan.features.resize(3);
  for (model::Feature& feature : plan.features) feature.column = "spent";
  plan.features[1].aggregate = model::Aggregate::kSum;
  plan.features[1].window_days = 30;
  plan.features[2].aggregate = model::Aggregate::kRecency;
  EXPECT_EQ(PredictionCsvHeader(plan, true),
            "id,probability,logit,baseline,by.t.spent,by.t.spent sum of 30 days,"
            "by.t.spent recency");
}

TEST_F(Folder, TellsNoMoreThanOneColumnBesideTheLabel) {
  const auto open = [&](const std::vector<WantedColumn>& more) {
    return RowBatches::Open(*predictor_, folder_, CustomersPart::kAll, more).status();
  };
  EXPECT_OK(open({{"t", "y"}, {"", "region"}}));
  EXPECT_THAT(open({{"", "region"}, {"", "d"}}),
              StatusIs(StatusCode::kInvalidArgument, "one column"));
  EXPECT_THAT(open({{"", "nothing"}}), StatusIs(StatusCode::kInvalidArgument, "nothing"));
  EXPECT_THAT(open({{"u", "region"}}), StatusIs(StatusCode::kInvalidArgument, "table u"));
}

}  // namespace
}  // namespace veilsum::client
