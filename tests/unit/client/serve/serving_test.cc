// Predictions as a merchant's own programs ask for them: by task, over HTTP, while models change,
// and what came of them kept for the next run.
#include <httplib.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <random>
#include <thread>

#include "base/file.h"
#include "client/data/dataset.h"
#include "client/serve/compare.h"
#include "client/serve/http_endpoint.h"
#include "client/serve/json_batch.h"
#include "client/serve/ranking.h"
#include "model/mlp.h"
#include "model/quality.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum::client {
namespace {

namespace fs = std::filesystem;
using absl::StatusCode;
using nlohmann::json;

release::Release SampleRelease(std::uint64_t counter = 1) {
  const release::ReleaseInput input = release::SampleInput(counter);
  release::Release out{.manifest = input.facts,
                       .digest = {},
                       .privacy = input.privacy,
                       .plan = input.plan,
                       .layout = model::LayoutOf(input.plan),
                       .model = input.model};
  out.digest[0] = static_cast<std::uint8_t>(counter);
  return out;
}

std::shared_ptr<const Predictor> SamplePredictor(std::uint64_t counter = 1) {
  return Predictor::Create(SampleRelease(counter)).value();
}

json SampleRow(const char* id, double a) {
  return {{"id", id}, {"a", a}, {"b", -1}, {"c", 0.25}, {"d", "red"}, {"e", "x y"}, {"f", "good"}};
}

ServingReply Ask(ServingApi& api, const json& body) {
  return api.Predict({"application/json", body.dump()});
}

std::shared_ptr<const Predictor> OfTask(model::Task task) {
  release::Release r = SampleRelease();
  r.plan.task = task;
  r.plan.label.kind =
      task == model::Task::kRegression ? model::LabelKind::kValue : model::LabelKind::kClass;
  r.plan.label.values = {"red", "green", "blue"};
  r.plan.label.lo = model::Decimal::Parse("0").value();
  r.plan.label.hi = model::Decimal::Parse("100").value();
  r.layout = model::LayoutOf(r.plan);
  r.model = release::SampleModel(r.layout, 0.2f);
  return Predictor::Create(std::move(r)).value();
}

model::Examples Rows(const Predictor& predictor, int count) {
  const RowEncoder& encoder = *predictor.encoder().value();
  model::Examples rows = encoder.Empty();
  const JsonRows reader(encoder.wanted(), "id");
  FlatRow row;
  for (int i = 0; i < count; ++i) {
    VEILSUM_CHECK(reader.Read(SampleRow(i < 2 ? "u1" : "u2", 0.3 * i - 0.7), "rows", row).ok());
    VEILSUM_CHECK(encoder.Append(row, "rows", rows).ok());
  }
  return rows;
}

TEST(Predictor, OfClassesGivesEachItsProbability) {
  const auto predictor = OfTask(model::Task::kMultiClass);
  const model::Examples rows = Rows(*predictor, 3);
  ASSERT_OK_AND_ASSIGN(const std::vector<Prediction> all, predictor->Predict(rows, true));
  ASSERT_OK_AND_ASSIGN(
      const std::vector<float> logits,
      model::Logits(predictor->release().layout, predictor->release().model, rows));
  ASSERT_EQ(logits.size(), 9u);
  for (std::size_t row = 0; row < 3; ++row) {
    const Prediction& p = all[row];
    double sum = 0;
    for (const double probability : p.probabilities) sum += probability;
    EXPECT_NEAR(sum, 1, 1e-12);
    EXPECT_NEAR(std::log(p.probabilities[2] / p.probabilities[0]),
                static_cast<double>(logits[3 * row + 2] - logits[3 * row]), 1e-5);
    EXPECT_EQ(p.probability, *std::ranges::max_element(p.probabilities));
    EXPECT_NEAR(p.why->logit, logits[3 * row + p.chosen], 1e-4);  // of the class that it chose
  }
  const std::string& name = predictor->plan().label.values[all[0].chosen];
  std::string text;
  AppendPredictionJson(predictor->plan(), all[0], text);
  const json parsed = json::parse(text);
  EXPECT_EQ(parsed["class"], name);
  EXPECT_EQ(parsed["probabilities"][name].get<double>(), all[0].probability);
  EXPECT_TRUE(parsed["explanation"]["by"].contains("t.a"));
  EXPECT_EQ(PredictionCsvHeader(predictor->plan(), false),
            "id,class,probability,p.red,p.green,p.blue");
  EXPECT_EQ(PredictionCsvLine(predictor->plan(), all[1]).rfind("u1,", 0), 0u);
}

TEST(Predictor, OfAValueAnswersInTheLabelsUnit) {
  const auto predictor = OfTask(model::Task::kRegression);
  const model::Examples rows = Rows(*predictor, 3);
  ASSERT_OK_AND_ASSIGN(const std::vector<Prediction> all, predictor->Predict(rows, false));
  ASSERT_OK_AND_ASSIGN(
      const std::vector<float> outputs,
      model::Logits(predictor->release().layout, predictor->release().model, rows));
  for (std::size_t row = 0; row < 3; ++row)
    EXPECT_NEAR(all[row].value,
                std::clamp(50 * (1 + static_cast<double>(outputs[row])), 0.0, 100.0), 1e-9);
  EXPECT_EQ(PredictionCsvHeader(predictor->plan(), false), "id,value");
  release::Release other = SampleRelease();
  other.plan.task = model::Task::kQLearning;
  EXPECT_THAT(Predictor::Create(std::move(other)), StatusIs(StatusCode::kFailedPrecondition, ""));
}

TEST(Ranking, TakesTheBestOfEachCustomer) {
  EXPECT_EQ(TopK(std::vector<double>{1, 3, 3, 2}, 3), (std::vector<std::size_t>{1, 2, 3}));
  EXPECT_EQ(TopK(std::vector<double>{1}, 5).size(), 1u);
  const model::Plan plan = release::SamplePlan();
  std::vector<Prediction> predictions(4);
  const char* ids[] = {"b", "a", "b", "b"};
  const double probabilities[] = {0.1, 0.5, 0.9, 0.4};
  for (std::size_t i = 0; i < 4; ++i)
    predictions[i].id = ids[i], predictions[i].probability = probabilities[i];
  const auto best = Recommend(plan, predictions, {"p", "q", "r", "s"}, 2);
  ASSERT_EQ(best.size(), 2u);
  EXPECT_EQ(best[0].id, "b");
  ASSERT_EQ(best[0].best.size(), 2u);
  EXPECT_EQ(best[0].best[0].item, "r");
  EXPECT_EQ(best[0].best[1].row, 3u);
  EXPECT_EQ(best[1].best.size(), 1u);
  const auto classes = OfTask(model::Task::kMultiClass);
  ASSERT_OK_AND_ASSIGN(const auto all, classes->Predict(Rows(*classes, 1), false));
  const auto of_row = Recommend(classes->plan(), all, {}, 2);
  EXPECT_EQ(of_row[0].best[0].item, classes->plan().label.values[all[0].chosen]);
}

TEST(Ranking, IsMeasuredByDiscountedGain) {
  const std::vector<double> gains = {0, 1, 0, 1};
  EXPECT_EQ(NdcgAt(std::vector<double>{0, 9, 1, 8}, gains, 2), 1);
  EXPECT_NEAR(NdcgAt(std::vector<double>{9, 8, 0, 7}, gains, 2),
              (1 / std::log2(3)) / (1 + 1 / std::log2(3)), 1e-12);
  EXPECT_EQ(NdcgAt(gains, std::vector<double>(4), 2), 0);
}

// AUC and its variance by the definition, pair by pair (DeLong et al. 1988, equations 1 and 3).
model::Difference ByPairs(const std::vector<float>& before, const std::vector<float>& after,
                          const std::vector<float>& labels) {
  const auto psi = [](float x, float y) { return x > y ? 1.0 : x == y ? 0.5 : 0.0; };
  std::vector<std::size_t> up, down;
  for (std::size_t i = 0; i < labels.size(); ++i) (labels[i] == 1 ? up : down).push_back(i);
  const auto component = [&](const std::vector<float>& s, std::size_t i, bool positive) {
    double sum = 0;
    for (const std::size_t j : positive ? down : up)
      sum += positive ? psi(s[i], s[j]) : psi(s[j], s[i]);
    return sum / static_cast<double>(positive ? down.size() : up.size());
  };
  model::Difference out;
  double variance = 0;
  for (const bool positive : {true, false}) {
    const std::vector<std::size_t>& rows = positive ? up : down;
    const auto n = static_cast<double>(rows.size());
    double mean = 0, squares = 0, old = 0;
    std::vector<double> d;
    for (const std::size_t i : rows) {
      old += component(before, i, positive) / n;
      d.push_back(component(after, i, positive) - component(before, i, positive));
      mean += d.back() / n;
    }
    for (const double x : d) squares += (x - mean) * (x - mean);
    variance += squares / (n - 1) / n;
    out.before = old;
    out.value = mean;
  }
  out.high = out.value + 1.959963984540054 * std::sqrt(variance);
  return out;
}

TEST(Comparison, OfRankingsIsDeLongsByThePairs) {
  std::vector<float> before, after, labels;
  for (int i = 0; i < 60; ++i) {  // ties in both
    before.push_back(static_cast<float>(i * 37 % 11));
    after.push_back(static_cast<float>((i * 53 + i / 7) % 13));
    labels.push_back(i * 29 % 5 < 2 ? 1.0f : 0.0f);
  }
  ASSERT_OK_AND_ASSIGN(const model::Difference fast, model::AucDifference(before, after, labels));
  const model::Difference slow = ByPairs(before, after, labels);
  EXPECT_NEAR(fast.before, slow.before, 1e-12);
  EXPECT_NEAR(fast.value, slow.value, 1e-12);
  EXPECT_NEAR(fast.high, slow.high, 1e-12);
  EXPECT_NEAR(fast.low + fast.high, 2 * fast.value, 1e-12);
  ASSERT_OK_AND_ASSIGN(const model::Difference none, model::AucDifference(before, before, labels));
  EXPECT_EQ(none.low, 0);  // the same model: no doubt that there is no difference
  labels.assign(60, 1);
  EXPECT_FALSE(model::AucDifference(before, after, labels).ok());
  EXPECT_FALSE(model::MeanDifference(std::vector<double>{1}, std::vector<double>{2}).ok());
}

TEST(Comparison, IsOfTwoReleasesOnTheSameRows) {
  for (const model::Task task : {model::Task::kMultiClass, model::Task::kRegression}) {
    const auto predictor = OfTask(task);
    model::Examples rows = Rows(*predictor, 4);
    rows.labels = {0, 1, 0, 1};
    ASSERT_OK_AND_ASSIGN(const Comparison same, Compare(*predictor, *predictor, rows));
    EXPECT_EQ(same.figure, task == model::Task::kMultiClass ? "accuracy" : "absolute_error");
    EXPECT_EQ(same.difference.value, 0);
    EXPECT_EQ(same.rows, 4u);
  }
  const auto before = SamplePredictor(1), after = SamplePredictor(2);
  model::Examples rows = Rows(*before, 8);
  rows.labels = {0, 1, 0, 1, 1, 0, 0, 1};
  ASSERT_OK_AND_ASSIGN(const Comparison c, Compare(*before, *after, rows));
  EXPECT_EQ(c.figure, "roc_auc");
  EXPECT_LE(c.difference.low, c.difference.value);
  release::Release other = SampleRelease();
  other.manifest.schema_sha256 = "another";
  EXPECT_THAT(Compare(*before, *Predictor::Create(std::move(other)).value(), rows),
              StatusIs(StatusCode::kFailedPrecondition, "different ways"));
}

class Feedback : public testing::Test {
 protected:
  Feedback() : folder_(fs::path(testing::TempDir()) / absl::StrFormat("feedback-%d", getpid())) {
    fs::remove_all(folder_);
  }
  ~Feedback() override { fs::remove_all(folder_); }
  std::unique_ptr<FeedbackLog> Open(const std::vector<fs::path>& known = {}) {
    return FeedbackLog::Open(plan_, folder_ / "more", known).value();
  }
  absl::Status Add(FeedbackLog& log, const json& object) const {
    FlatRow row;
    row.line = 1;
    VEILSUM_RETURN_IF_ERROR(JsonRows(log.wanted(), "id").Read(object, "feedback", row));
    return log.Add({row});
  }
  static json Labelled(const char* id, const char* label) {
    json row = SampleRow(id, 0.5);
    row["y"] = label;
    row["e"] = "quoted \"text\",\nin two lines";
    return row;
  }
  const model::Plan plan_ = release::SamplePlan();
  const fs::path folder_;
};

TEST(IsWorse, OnlyForCertainAndByMoreThanIsTolerated) {
  const auto worse = [](const char* figure, double value, double low, double high) {
    return IsWorse({figure, 100, {0.8, 0.8 + value, value, low, high}}, 0.01);
  };
  EXPECT_TRUE(worse("roc_auc", -0.02, -0.03, -0.001));
  EXPECT_FALSE(worse("roc_auc", -0.02, -0.05, 0.01)) << "it may be chance";
  EXPECT_FALSE(worse("roc_auc", -0.009, -0.01, -0.008)) << "certain, and too little";
  EXPECT_FALSE(worse("roc_auc", 0.02, 0.01, 0.03)) << "better";
  EXPECT_TRUE(worse("accuracy", -0.02, -0.03, -0.001));
  EXPECT_TRUE(worse("absolute_error", 0.02, 0.01, 0.03)) << "of an error more is worse";
  EXPECT_FALSE(worse("absolute_error", 0.007, 0.006, 0.008)) << "less than a hundredth of 0.8";
  EXPECT_FALSE(worse("absolute_error", -0.02, -0.03, -0.01));
}

TEST_F(Feedback, IsDataForTheNextRun) {
  {
    const auto log = Open();
    ASSERT_OK(Add(*log, Labelled("u1", "1")));
    ASSERT_OK(Add(*log, Labelled("u2", "0")));
    EXPECT_EQ(log->rows(), 2u);
  }
  ASSERT_OK_AND_ASSIGN(const Dataset data, LoadDataset(plan_, {folder_ / "more"}));
  EXPECT_EQ(data.training.customers() + data.holdout.customers(), 2u);
  const auto again = Open();
  EXPECT_EQ(again->rows(), 2u);
  EXPECT_THAT(Add(*again, Labelled("u1", "1")), StatusIs(StatusCode::kAlreadyExists, "u1"));
  ASSERT_OK(Add(*again, Labelled("u3", "1")));
}

TEST_F(Feedback, ThatATrainingCouldNotReadIsRefusedWhole) {
  const auto log = Open();
  EXPECT_THAT(Add(*log, Labelled("u1", "2")),
              StatusIs(StatusCode::kInvalidArgument, "feedback:1: column y"));
  json row = Labelled("u1", "1");
  row["a"] = "many";
  EXPECT_THAT(Add(*log, row), StatusIs(StatusCode::kInvalidArgument, "column a"));
  row = Labelled("u1", "1");
  row.erase("id");
  EXPECT_THAT(Add(*log, row), StatusIs(StatusCode::kInvalidArgument, "column id is missing"));
  EXPECT_EQ(log->rows(), 0u);
}

TEST_F(Feedback, CutsHalfARowOfACrashAndKnowsWhoIsInTraining) {
  { ASSERT_OK(Add(*Open(), Labelled("u1", "1"))); }
  std::ofstream(folder_ / "more/t.csv", std::ios::app) << "u9,0.5,\"half";
  const auto log = Open();
  EXPECT_EQ(log->rows(), 1u);
  ASSERT_OK(Add(*log, Labelled("u9", "0")));
  ASSERT_OK_AND_ASSIGN(const Dataset data, LoadDataset(plan_, {folder_ / "more"}));
  EXPECT_EQ(data.training.customers() + data.holdout.customers(), 2u);
  ASSERT_OK_AND_ASSIGN(const auto other,
                       FeedbackLog::Open(plan_, folder_ / "second", {folder_ / "more"}));
  EXPECT_THAT(Add(*other, Labelled("u9", "0")), StatusIs(StatusCode::kAlreadyExists, "u9"));
  fs::create_directories(folder_ / "third");
  ASSERT_OK(WriteFile(folder_ / "third/t.csv", "id,other\n"));
  EXPECT_THAT(FeedbackLog::Open(plan_, folder_ / "third"),
              StatusIs(StatusCode::kFailedPrecondition, "other columns"));
}

// What is read of a body, in words.
class JsonBodies : public testing::Test {
 protected:
  static std::string Words(const FlatRow& row) {
    std::string out = absl::StrFormat("%d %s:", row.line, row.id);
    for (const std::string& value : row.values) out += " " + value;
    return out + "\n";
  }
  // By a tree of the whole body.
  static std::string ByTree(const std::string& text) {
    const json body = json::parse(text, nullptr, false);
    if (!body.is_object() || !body.contains("rows") || !body["rows"].is_array())
      return "the body must be a JSON object with an array \"rows\"";
    if (body["rows"].size() > kMost) return "more than 6 rows in one request";
    const JsonRows reader(kWanted, "id");
    FlatRow row;
    std::string out;
    for (const json& object : body["rows"]) {
      ++row.line;
      const absl::Status status = reader.Read(object, "rows", row);
      if (!status.ok()) return std::string(status.message());
      out += Words(row);
    }
    const bool explain = body.contains("explain") && body["explain"] == true;
    return out + (explain ? "explained" : "");
  }
  static std::string AsItPasses(const std::string& text) {
    std::string out;
    const absl::StatusOr<JsonBatch> batch = ReadJsonBatch(
        text, kWanted, "id", kMost, [&] { out.clear(); },
        [&](const FlatRow& row) {
          out += Words(row);
          return absl::OkStatus();
        });
    if (!batch.ok()) return std::string(batch.status().message());
    return out + (batch->explain ? "explained" : "");
  }
  static constexpr std::size_t kMost = 6;
  static inline const std::vector<WantedColumn> kWanted = {
      {"t", "a"}, {"t", "b"}, {"u", "b"}, {"", "sku"}, {"u", "id"}};
};

TEST_F(JsonBodies, AreReadAsTheirTreeIs) {
  const std::string row = R"({"a":1,"t.b":"x","u.b":true,"sku":2.50,"id":"c"})";
  EXPECT_EQ(AsItPasses("{\"rows\":[" + row + "]}"), "1 c: 1 x true 2.5 c\n");
  for (const std::string& body : {std::string(),
                                  std::string("{"),
                                  std::string("[]"),
                                  std::string("1"),
                                  std::string("[[1]]"),
                                  std::string(R"({"rows":1})"),
                                  std::string(R"({"rows":{}})"),
                                  std::string(R"({"rows":[]})"),
                                  std::string(R"({"rows":[],"rows":null})"),
                                  std::string(R"({"explain":true,"rows":[],"explain":1})"),
                                  std::string(R"({"rows":[1]})"),
                                  std::string(R"({"rows":[[{}]]})"),
                                  std::string(R"({"more":{"rows":[1]},"rows":[]})"),
                                  "{\"explain\":true,\"rows\":[" + row + "," + row + "]}",
                                  "{\"rows\":[" + row + "],\"explain\":1}",
                                  "{\"rows\":[{}],\"rows\":[" + row + "]}",
                                  "{\"rows\":[" + row + "]} x",
                                  "{\"rows\":[{}," + row + "}",
                                  "[{\"rows\":[" + row + "]}]",
                                  "{\"rows\":[" + row + "," + row + "," + row + "," + row + "," +
                                      row + "," + row + "," + row + "]}",
                                  std::string("{\"rows\":[{\"a\":\"\xff\"}]}")})
    EXPECT_EQ(AsItPasses(body), ByTree(body)) << body;
}

TEST_F(JsonBodies, AreReadAsTheirTreeIsWhateverTheyHold) {
  constexpr const char* kKeys[] = {"a", "t.a", "b", "t.b", "u.b", "sku", "id", "u.id", "z"};
  constexpr const char* kValues[] = {
      "1",    "-7", "0.1", "1e300", "\"x\"", "\"\\u00e9\\n\"", "true", "18446744073709551615",
      "\"\"", "1.0"};
  constexpr const char* kOdd[] = {"null", "[]", "{}", "[1,{\"a\":2}]", "{\"a\":{\"a\":3}}", "-0"};
  std::mt19937 rng(5);
  const auto below = [&](std::size_t n) { return rng() % n; };
  int good = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string body = "{\"rows\":[";
    for (std::size_t row = 0, rows = below(4); row < rows; ++row) {
      std::vector<std::string> keys(std::begin(kKeys), std::end(kKeys));
      if (below(3) == 0) std::ranges::shuffle(keys, rng);
      if (below(3) == 0) keys.resize(below(keys.size()) + 1);
      if (below(3) == 0) keys.push_back(keys[below(keys.size())]);
      body += row == 0 ? "{" : ",{";
      for (std::size_t k = 0; k < keys.size(); ++k)
        body +=
            (k == 0 ? "\"" : ",\"") + keys[k] + "\":" +
            (below(40) == 0 ? kOdd[below(std::size(kOdd))] : kValues[below(std::size(kValues))]);
      body += "}";
    }
    body += "]}";
    const std::string tree = ByTree(body);
    good += tree.find("rows:") == std::string::npos;
    ASSERT_EQ(AsItPasses(body), tree) << body;
  }
  EXPECT_GT(good, 500);
  EXPECT_LT(good, 2900);
}

class Endpoint : public testing::Test {
 protected:
  Endpoint() { model_.Set(SamplePredictor()); }
  void Start(FeedbackLog* feedback = nullptr) {
    api_.emplace(model_, feedback);
    endpoint_ = StartHttpEndpoint({.threads = 6}, *api_).value();
  }
  httplib::Client Connect() const {
    httplib::Client client("127.0.0.1", endpoint_->port());
    client.set_keep_alive(true);
    client.set_tcp_nodelay(true);
    return client;
  }
  ServingModel model_;
  std::optional<ServingApi> api_;
  std::unique_ptr<HttpServer> endpoint_;
};

TEST_F(Endpoint, AnswersAsTheModelDoes) {
  Start();
  httplib::Client client = Connect();
  const json body = {{"rows", {SampleRow("u1", 0.5), SampleRow("u2", -0.5)}}, {"explain", true}};
  const auto reply = client.Post("/v1/predict", body.dump(), "application/json; charset=utf-8");
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->status, 200) << reply->body;
  const json answer = json::parse(reply->body);
  EXPECT_EQ(answer["model"]["version"], "1.1.0");
  ASSERT_EQ(answer["predictions"].size(), 2u);
  const json& first = answer["predictions"][0];
  EXPECT_EQ(first["id"], "u1");
  double sum = first["explanation"]["residual"];
  for (const auto& [column, by] : first["explanation"]["by"].items()) sum += by.get<double>();
  EXPECT_NEAR(sum,
              first["logit"].get<double>() - first["explanation"]["baseline_logit"].get<double>(),
              1e-4);
  const auto csv =
      client.Post("/v1/predict", "id,a,b,c,d,e,f\nu1,0.5,-1,0.25,red,x y,good\n", "text/csv");
  ASSERT_EQ(csv->status, 200) << csv->body;
  EXPECT_EQ(csv->body, absl::StrFormat("id,probability,logit\nu1,%s,%s\n",
                                       first["probability"].dump(), first["logit"].dump()));
  const auto lines =
      client.Post("/v1/predict", SampleRow("u1", 0.5).dump() + "\n", "application/x-ndjson");
  EXPECT_EQ(json::parse(lines->body)["logit"], first["logit"]);
  EXPECT_EQ(json::parse(client.Get("/v1/model")->body)["version"], "1.1.0");
  const json counters = json::parse(client.Get("/v1/counters")->body);
  EXPECT_EQ(counters["requests"], 3);
  EXPECT_EQ(counters["rows"], 4);
  EXPECT_EQ(counters["errors"], 0);
  EXPECT_EQ(counters["latency"].size(), 96u);
}

TEST_F(Endpoint, RecommendsTheBestCandidates) {
  Start();
  json body = {{"rows", json::array()}, {"top", 2}, {"item", "sku"}};
  for (int i = 0; i < 5; ++i) {
    body["rows"].push_back(SampleRow("u1", 0.2 * i));
    body["rows"].back()["sku"] = "p" + std::to_string(i);
  }
  const json scored = json::parse(Ask(*api_, body).body);
  const json answer = json::parse(api_->Recommend({"application/json", body.dump()}).body);
  ASSERT_EQ(answer["recommendations"].size(), 1u) << answer;
  const json& best = answer["recommendations"][0]["best"];
  ASSERT_EQ(best.size(), 2u);
  double highest = 0;
  for (const json& p : scored["predictions"])
    highest = std::max(highest, p["probability"].get<double>());
  EXPECT_EQ(best[0]["score"], highest);
  EXPECT_EQ(best[0]["item"], "p" + std::to_string(best[0]["row"].get<int>()));
  body["top"] = 0;
  EXPECT_EQ(api_->Recommend({"application/json", body.dump()}).status, 400);
}

TEST_F(Endpoint, RefusesWhatItCannotUse) {
  Start();
  httplib::Client client = Connect();
  const auto status = [&](const std::string& body, const char* type = "application/json") {
    const auto reply = client.Post("/v1/predict", body, type);
    return reply ? reply->status : -1;
  };
  EXPECT_EQ(status("{"), 400);
  EXPECT_EQ(status("{\"rows\":[{\"a\":1}]}"), 400);
  EXPECT_EQ(status("{\"rows\":[]}", "text/plain"), 415);  // what a form in a browser may send
  EXPECT_EQ(client.Get("/v1/nothing")->status, 404);
  EXPECT_EQ(client.Get("/v1/model", {{"Host", "shop.example"}})->status, 421);  // DNS rebinding
  EXPECT_EQ(client.Post("/v1/feedback", "{\"rows\":[]}", "application/json")->status, 409);
  json many = {{"rows", json::array()}, {"explain", true}};
  for (std::size_t i = 0; i <= kMaxExplainedRows; ++i) many["rows"].push_back(SampleRow("u", 0));
  EXPECT_EQ(Ask(*api_, many).status, 400);
  model_.Set(nullptr);
  EXPECT_EQ(status("{\"rows\":[]}"), 503);
  EXPECT_EQ(client.Get("/v1/model")->status, 503);
  EXPECT_THAT(StartHttpEndpoint({.address = "0.0.0.0:0"}, *api_),
              StatusIs(StatusCode::kInvalidArgument, "127.0.0.1"));
  EXPECT_THAT(
      StartHttpEndpoint({.address = "127.0.0.1:" + std::to_string(endpoint_->port())}, *api_),
      StatusIs(StatusCode::kUnavailable, ""));
}

// Every request is answered, each by one model, while models are exchanged under it.
TEST_F(Endpoint, ExchangesModelsWithoutDroppingARequest) {
  Start();
  const json body = {{"rows", {SampleRow("u1", 0.5)}}};
  std::map<std::string, double> logit_of;
  for (std::uint64_t release = 1; release <= 2; ++release) {
    model_.Set(SamplePredictor(release));
    const json answer = json::parse(Ask(*api_, body).body);
    logit_of[answer["model"]["version"]] = answer["predictions"][0]["logit"];
  }
  ASSERT_NE(logit_of["1.1.0"], logit_of["1.2.0"]);
  std::atomic<bool> swapping{true};
  std::atomic<int> wrong{0}, answered{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i)
    callers.emplace_back([&] {
      httplib::Client client = Connect();
      while (swapping) {
        const auto reply = client.Post("/v1/predict", body.dump(), "application/json");
        const json answer = reply ? json::parse(reply->body, nullptr, false) : json();
        if (!reply || reply->status != 200 || !answer.is_object() ||
            logit_of.at(answer["model"]["version"]) != answer["predictions"][0]["logit"])
          ++wrong;
        ++answered;
      }
    });
  for (std::uint64_t i = 0; i < 200 || answered < 200; ++i) {
    model_.Set(SamplePredictor(1 + i % 2));
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  swapping = false;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(answered, 200);
}

}  // namespace
}  // namespace veilsum::client
