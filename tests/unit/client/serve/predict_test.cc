// Rows from anywhere, encoded as in training, and why a prediction is what it is.
#include <unistd.h>

#include <cmath>

#include "base/file.h"
#include "client/data/dataset.h"
#include "client/serve/attribution.h"
#include "client/serve/predictor.h"
#include "client/serve/row_encoder.h"
#include "model/mlp.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum::client {
namespace {

namespace fs = std::filesystem;
using absl::StatusCode;

class Rows : public testing::Test {
 protected:
  Rows() : folder_(fs::path(testing::TempDir()) / absl::StrFormat("rows-%d", getpid())) {
    fs::create_directories(folder_);
  }
  ~Rows() override { fs::remove_all(folder_); }

  std::string Write(const std::string& text, const char* name = "t.csv") const {
    VEILSUM_CHECK(WriteFile(folder_ / name, text).ok());
    return (folder_ / name).string();
  }
  absl::StatusOr<model::Examples> Read(const std::string& file) const {
    VEILSUM_ASSIGN_OR_RETURN(const RowEncoder encoder, RowEncoder::Create(plan_));
    VEILSUM_ASSIGN_OR_RETURN(const auto source, OpenRowSource(file, encoder.wanted(), "id"));
    model::Examples out = encoder.Empty();
    for (FlatRow row;;) {
      VEILSUM_ASSIGN_OR_RETURN(const bool more, source->Next(row));
      if (!more) return out;
      VEILSUM_RETURN_IF_ERROR(encoder.Append(row, source->name(), out));
    }
  }

  const model::Plan plan_ = release::SamplePlan();
  const model::Layout layout_ = model::LayoutOf(plan_);
  const model::ModelVector model_ = release::SampleModel(layout_);
  fs::path folder_;
  static constexpr char kRows[] =
      "id,a,b,c,d,e,f,y\n"
      "u1,0.5,-1,0.25,red,hello big world,good,1\n"
      "u2,-0.125,7,0,blue,\"a, b\",bad bad good,0\n"
      "u3,1,0,0,,,,1\n";
};

void ExpectSameInputs(const model::Examples& a, const model::Examples& b) {
  EXPECT_EQ(a.numeric_values, b.numeric_values);
  EXPECT_EQ(a.active_inputs, b.active_inputs);
  ASSERT_EQ(a.lists.size(), b.lists.size());
  for (std::size_t i = 0; i < a.lists.size(); ++i) {
    EXPECT_EQ(a.lists[i].ids, b.lists[i].ids);
    EXPECT_EQ(a.lists[i].weights, b.lists[i].weights);
  }
}

TEST_F(Rows, AreEncodedAsTheTrainingDataAre) {
  std::string all(kRows);
  for (std::size_t at; (at = all.find("u3,1,0,0")) != std::string::npos;) all.erase(at);
  const std::string file = Write(all);
  model::Plan plan = plan_;
  ASSERT_OK_AND_ASSIGN(Dataset data, LoadDataset(plan, {folder_}));
  ASSERT_OK_AND_ASSIGN(const model::Examples rows, Read(file));
  ASSERT_EQ(rows.rows(), 2u);
  ASSERT_EQ(data.training.rows() + data.holdout.rows(), 2u);
  ASSERT_EQ(data.holdout.rows(), 0u);
  ExpectSameInputs(rows, data.training);
  EXPECT_EQ(rows.customer_ids, data.training.customer_ids);
}

TEST_F(Rows, OfJsonLinesAreThoseOfCsv) {
  ASSERT_OK_AND_ASSIGN(const model::Examples csv, Read(Write(kRows)));
  ASSERT_OK_AND_ASSIGN(
      const model::Examples json,
      Read(Write("{\"id\":\"u1\",\"t.a\":0.5,\"b\":-1,\"c\":0.25,\"d\":\"red\",\"e\":\"hello big "
                 "world\",\"f\":\"good\"}\n\n"
                 "{\"id\":\"u2\",\"a\":\"-0.125\",\"b\":7,\"c\":0,\"d\":\"blue\",\"e\":\"a, "
                 "b\",\"f\":\"bad bad good\",\"more\":[1]}\n"
                 "{\"id\":\"u3\",\"a\":1,\"b\":0,\"c\":0,\"d\":\"\",\"e\":\"\",\"f\":\"\"}",
                 "t.jsonl")));
  ExpectSameInputs(csv, json);
  EXPECT_EQ(csv.customer_ids, json.customer_ids);
}

TEST_F(Rows, ThatCannotBeReadNameFileLineAndColumn) {
  EXPECT_THAT(Read(Write("id,a,b,c,d,e\n")),
              StatusIs(StatusCode::kInvalidArgument, "t.csv:1: column t.f is missing"));
  EXPECT_THAT(Read(Write("a,b,c,d,e,f\n1,2,3,4,5\n")),
              StatusIs(StatusCode::kInvalidArgument, "t.csv:2: 5 fields"));
  EXPECT_THAT(Read(Write("a,b,c,d,e,f\n1,x,3,4,5,6\n")),
              StatusIs(StatusCode::kInvalidArgument, "t.csv:2: column b: \"x\" is not a number"));
  EXPECT_THAT(Read(Write("{\"a\":1}", "j")), StatusIs(StatusCode::kInvalidArgument, "j:1: column"));
  EXPECT_THAT(Read(Write("{\"a\":{}}", "j")),
              StatusIs(StatusCode::kInvalidArgument, "j:1: column a is no text"));
  EXPECT_THAT(Read(Write("{not json}", "j")),
              StatusIs(StatusCode::kInvalidArgument, "j:1: not a JSON object"));
  EXPECT_THAT(Read((folder_ / "none").string()), StatusIs(StatusCode::kNotFound, "no such file"));
  EXPECT_THAT(Read(Write("", "empty")), StatusIs(StatusCode::kInvalidArgument, "no header"));
}

// Completeness (Sundararajan et al., proposition 1): what the features add up to.
TEST_F(Rows, AreExplainedCompletely) {
  ASSERT_OK_AND_ASSIGN(const model::Examples rows, Read(Write(kRows)));
  ASSERT_OK_AND_ASSIGN(const std::vector<float> logits, model::Logits(layout_, model_, rows));
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    ASSERT_OK_AND_ASSIGN(const Attribution why, Attribute(plan_, layout_, model_, rows, row));
    ASSERT_EQ(why.features.size(), plan_.features.size());
    EXPECT_NEAR(why.logit, logits[row], 1e-4);
    double sum = why.residual;
    for (const double feature : why.features) sum += feature;
    EXPECT_NEAR(sum, why.logit - why.baseline, 1e-5);
    EXPECT_LT(std::abs(why.residual), 0.05 * (1 + std::abs(why.logit)));
  }
  EXPECT_FALSE(Attribute(plan_, layout_, model_, rows, 3).ok());
}

// A plan of two heads: what `predict` writes of each, and a release that says where they are.
TEST_F(Rows, OfSeveralHeadsHaveAnAnswerOfEach) {
  release::ReleaseInput input = release::SampleInput();
  model::SideHead head;
  head.label.table = "t";
  head.label.column = "kind";
  head.label.kind = model::LabelKind::kClass;
  head.label.values = {"new", "old"};
  input.plan.heads.push_back(head);
  const model::Layout layout = model::LayoutOf(input.plan);
  input.model = release::SampleModel(layout);
  ASSERT_OK_AND_ASSIGN(release::Files files, release::BuildPackage(input));
  EXPECT_NE(files["schema.json"].find("\"first_output\":1,\"label\":\"t.kind\""),
            std::string::npos);
  ASSERT_OK(release::SignPackage(files, release::SampleSigner()));
  ASSERT_OK_AND_ASSIGN(release::Release opened,
                       release::OpenPackage(files, release::SampleSigner().public_key()));
  ASSERT_OK_AND_ASSIGN(const auto predictor, Predictor::Create(std::move(opened)));
  ASSERT_OK_AND_ASSIGN(const model::Examples rows, Read(Write(kRows)));
  ASSERT_OK_AND_ASSIGN(const auto outputs, model::Logits(layout, input.model, rows));
  ASSERT_OK_AND_ASSIGN(const auto predictions, predictor->Predict(rows, false));
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    const Prediction& p = predictions[row];
    EXPECT_EQ(p.logit, static_cast<double>(outputs[3 * row]));
    ASSERT_EQ(p.heads.size(), 1u);
    EXPECT_EQ(p.heads[0].chosen, outputs[3 * row + 2] > outputs[3 * row + 1] ? 1u : 0u);
    std::string json;
    AppendPredictionJson(input.plan, p, json);
    const auto parsed = nlohmann::json::parse(json);
    EXPECT_EQ(parsed["heads"]["t.kind"]["class"], head.label.values[p.heads[0].chosen]);
    EXPECT_NEAR(parsed["heads"]["t.kind"]["probabilities"]["old"].get<double>(),
                p.heads[0].probabilities[1], 1e-12);
    EXPECT_TRUE(
        PredictionCsvLine(input.plan, p).ends_with("," + head.label.values[p.heads[0].chosen]));
  }
  EXPECT_TRUE(PredictionCsvHeader(input.plan, false).ends_with(",t.kind"));
}

// Midpoints of a bent path sum to what it makes in all, but for the residual that is told.
TEST_F(Rows, AreExplainedThroughLayerNorm) {
  model::Plan plan = plan_;
  plan.network.layer_norm = true;
  plan.network.hidden = {12, 7};
  const model::Layout layout = model::LayoutOf(plan);
  const model::ModelVector model = release::SampleModel(layout);
  ASSERT_OK_AND_ASSIGN(const model::Examples rows, Read(Write(kRows)));
  ASSERT_OK_AND_ASSIGN(const std::vector<float> logits, model::Logits(layout, model, rows));
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    ASSERT_OK_AND_ASSIGN(const Attribution why, Attribute(plan, layout, model, rows, row));
    EXPECT_NEAR(why.logit, logits[row], 1e-4);
    EXPECT_LT(std::abs(why.residual), 0.1 * (1 + std::abs(why.logit)));
  }
}

TEST_F(Rows, WithoutAFeatureAreNotMovedByIt) {
  ASSERT_OK_AND_ASSIGN(const model::Examples rows, Read(Write(kRows)));
  ASSERT_OK_AND_ASSIGN(const Attribution why, Attribute(plan_, layout_, model_, rows, 2));
  EXPECT_EQ(why.features[4], 0);  // no words in either text
  EXPECT_EQ(why.features[5], 0);
  ASSERT_OK_AND_ASSIGN(const Attribution other, Attribute(plan_, layout_, model_, rows, 0));
  // The direct path is linear: exactly the weights of its words.
  double direct = 0;
  const model::Bag& bag = layout_.bags()[1];
  for (std::size_t k = 0; k < rows.lists[1].slots; ++k)
    direct += rows.lists[1].WeightsOf(0)[k] * model_[bag.weight + rows.lists[1].IdsOf(0)[k]];
  EXPECT_NEAR(other.features[5], direct, 1e-9);
}

TEST_F(Rows, OfAnEventsPlanNeedTheTables) {
  model::Plan plan = plan_;
  plan.features[0].aggregate = model::Aggregate::kCount;
  EXPECT_THAT(RowEncoder::Create(plan), StatusIs(StatusCode::kFailedPrecondition, "events"));
}

}  // namespace
}  // namespace veilsum::client
