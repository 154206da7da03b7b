// A release of task segments at a merchant: rows go to the release's own centres.
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "client/serve/compare.h"
#include "client/serve/evaluate.h"
#include "client/serve/feedback_log.h"
#include "client/serve/importance.h"
#include "client/serve/ranking.h"
#include "client/serve/segments.h"
#include "model/centres.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;
using nlohmann::json;

// Numbers are read as they are; centres (-0.9, 0, 0), (0, 0, 0), (0.9, 0, 0.5).
std::shared_ptr<const Predictor> OfCentres(float moved = 0) {
  const release::ReleaseInput input = release::SampleInput(1);
  release::Release r{.manifest = input.facts,
                     .digest = {},
                     .privacy = input.privacy,
                     .metrics = {},
                     .plan = release::SegmentsPlan(),
                     .layout = model::Layout::Mlp(1, 1, {}, false),
                     .model = {}};
  r.layout = model::LayoutOf(r.plan);
  r.model = {0, 0, 0, 1, 1, 1, -0.9f + moved, 0, 0.9f, 0, 0, 0, 0, 0, 0.5f, 1.8f, 0.9f, 0.3f};
  VEILSUM_CHECK(r.model.size() == r.layout.size());
  return Predictor::Create(std::move(r)).value();
}

class JointSegments : public testing::Test {
 protected:
  // Six rows of segment 1, three of 2, one of 3, in turns.
  std::string Write() const {
    folder_.Write("rows.csv",
                  "id,a,b,c\nu0,-0.9,0,0\nu1,-1,0,0\nu2,-0.8,0,0\nu3,0.1,0,0\nu4,0,0.2,0\n"
                  "u5,-0.9,0.1,0\nu6,-0.9,0,0.3\nu7,0.9,0,0.9\nu8,0,0,0\nu9,-0.7,0,0\n");
    return Path("rows.csv");
  }
  model::Examples Rows() const {
    const RowEncoder& encoder = *predictor_->encoder().value();
    model::Examples rows = encoder.Empty();
    const auto source = OpenRowSource(Write(), encoder.wanted(), "id").value();
    for (FlatRow row; source->Next(row).value();) EXPECT_OK(encoder.Append(row, "rows", rows));
    return rows;
  }
  std::string Path(const char* name) const { return (folder_.path() / name).string(); }
  const std::shared_ptr<const Predictor> predictor_ = OfCentres();
  const TempFolder folder_;
};

TEST_F(JointSegments, PredictionsAreTheNearestCentre) {
  ASSERT_OK_AND_ASSIGN(const auto predictions, predictor_->Predict(Rows(), false));
  ASSERT_EQ(predictions.size(), 10u);
  const std::size_t expected[] = {0, 0, 0, 1, 1, 0, 0, 2, 1, 0};
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(predictions[i].chosen, expected[i]) << i;
  EXPECT_NEAR(predictions[7].value, 0.4, 1e-6);
  EXPECT_EQ(PredictionCsvHeader(predictor_->plan(), false), "id,segment,distance");
  EXPECT_TRUE(PredictionCsvLine(predictor_->plan(), predictions[7]).starts_with("u7,3,0."));
  std::string text;
  AppendPredictionJson(predictor_->plan(), predictions[7], text);
  const json object = json::parse(text);
  EXPECT_EQ(object["segment"], 3);
  EXPECT_EQ(object.size(), 3u) << text;
  EXPECT_THAT(predictor_->Predict(Rows(), true),
              StatusIs(StatusCode::kInvalidArgument, "no explanation"));
}

TEST_F(JointSegments, CustomersGoToTheReleasesCentres) {
  SegmentsQuestion question;
  question.data = Write();
  question.out = Path("segments.csv");
  ASSERT_OK_AND_ASSIGN(const Segments found, FindSegments(*predictor_, question));
  EXPECT_TRUE(found.joint);
  EXPECT_EQ(found.rows, 10u);
  ASSERT_EQ(found.segments.size(), 3u);
  EXPECT_EQ(found.segments[0].rows, 6u);
  EXPECT_EQ(found.segments[1].rows, 3u);
  EXPECT_EQ(found.segments[2].rows, 1u);
  EXPECT_NEAR(*found.segments[2].stated_share, 0.1, 1e-6);
  const double sum = 0.01 + 0.01 + 0.01 + 0.04 + 0.01 + 0.09 + 0.16 + 0.04;
  EXPECT_NEAR(*found.mean_squared_distance, sum / 10, 1e-6);
  ASSERT_FALSE(found.segments[0].traits.empty());
  EXPECT_EQ(found.segments[0].traits[0].feature, "t.a");
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(question.out));
  EXPECT_NE(text.find("\nu7,9,3,0.4\n"), std::string::npos) << text;
  const json object = json::parse(SegmentsJson(*predictor_, question, found));
  EXPECT_EQ(object["k"], 3);
  EXPECT_FALSE(object.contains("seed"));
  EXPECT_FALSE(object["segments"][0].contains("score"));
  EXPECT_NE(SegmentsText(question, found).find("the same at every merchant"), std::string::npos);
}

TEST_F(JointSegments, NoneAreLookedFor) {
  SegmentsQuestion question;
  question.data = Write();
  question.search = "--seed";
  EXPECT_THAT(FindSegments(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "--seed: the release has 3 segments"));
  question.search.clear();
  question.k = 4;
  EXPECT_THAT(FindSegments(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "none are looked for"));
  question.k = 0;
  folder_.Write("rows.csv", "id,a,b,c\n");
  EXPECT_THAT(FindSegments(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "no rows"));
}

TEST_F(JointSegments, AreMeasuredBesideOwnOnes) {
  ASSERT_OK_AND_ASSIGN(const std::string flat,
                       EvaluateRows(*predictor_, {.data = Write(), .propensity = {}}));
  const json rows = json::parse(flat);
  EXPECT_EQ(rows["rows"], 10);
  EXPECT_NEAR(rows["mean_squared_distance"].get<double>(), 0.037, 1e-6);
  EXPECT_EQ(rows["segments"][0]["rows"], 6);
  EXPECT_EQ(rows["segments"][0]["segment"], 1);
  EXPECT_NEAR(rows["segments"][0]["share_stated"].get<double>(), 0.6, 1e-6);
  EXPECT_EQ(rows["own"]["found_on"], "the same rows");
  EXPECT_LT(rows["own"]["mean_squared_distance"], rows["mean_squared_distance"]);
  EXPECT_GT(rows["explained"], 0.5);

  std::string table = "id,a,b,c\n";
  for (int i = 0; i < 200; ++i)
    table += absl::StrFormat("v%d,%g,%g,0\n", i, i % 3 == 0 ? 0.5 : -0.5, 0.01 * (i % 7));
  folder_.Write("shop/t.csv", table);
  ASSERT_OK_AND_ASSIGN(const std::string text,
                       EvaluateRows(*predictor_, {.data = Path("shop"), .propensity = {}}));
  const json folder = json::parse(text);
  EXPECT_LT(folder["rows"], 80) << "the hold-out alone";
  EXPECT_GT(folder["rows"], 10);
  EXPECT_EQ(folder["own"]["found_on"], "training customers");
}

TEST_F(JointSegments, TwoReleasesAreComparedByDistance) {
  model::Examples rows = Rows();
  ASSERT_OK_AND_ASSIGN(const Comparison same, Compare(*predictor_, *predictor_, rows));
  EXPECT_EQ(same.figure, "squared_distance");
  EXPECT_NEAR(same.difference.value, 0, 1e-12);
  const auto worse = OfCentres(0.3f);
  ASSERT_OK_AND_ASSIGN(const Comparison moved, Compare(*predictor_, *worse, rows));
  EXPECT_GT(moved.difference.value, 0.01);
  EXPECT_TRUE(IsWorse({"squared_distance", 10, {1, 1.1, 0.1, 0.05, 0.15}}, 0.01));
  EXPECT_FALSE(IsWorse({"squared_distance", 10, {1, 0.9, -0.1, -0.15, -0.05}}, 0.01));

  // The same centres under other statistics are the same centres.
  release::Release other = predictor_->release();
  for (std::size_t j = 0; j < 3; ++j) {
    other.model[j] = 0.25f, other.model[3 + j] = 2;
    for (std::size_t k = 0; k < 3; ++k)
      other.model[6 + j * 3 + k] = 2 * (other.model[6 + j * 3 + k] - 0.25f);
  }
  const auto restated = Predictor::Create(std::move(other)).value();
  ASSERT_OK_AND_ASSIGN(const Comparison equal, Compare(*restated, *predictor_, rows));
  EXPECT_NEAR(equal.difference.value, 0, 1e-6);
  EXPECT_NEAR(equal.difference.after, 0.037, 1e-6);
}

TEST_F(JointSegments, HaveNoRankingExplanationOrFeedback) {
  EXPECT_THAT(CheckRanks(predictor_->plan()),
              StatusIs(StatusCode::kInvalidArgument, "rank nothing"));
  EXPECT_OK(CheckRanks(release::SamplePlan()));
  ImportanceQuestion question;
  question.data = Write();
  EXPECT_THAT(MeasureImportance(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "no explanation"));
  EXPECT_THAT(FeedbackLog::Open(predictor_->plan(), folder_.path() / "more", {}),
              StatusIs(StatusCode::kFailedPrecondition, "nothing to feed back"));
}

}  // namespace
}  // namespace veilsum::client
