// The local endpoint over gRPC: the same answers as over HTTP, from the same model.
#include "client/serve/rpc/grpc_endpoint.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <future>

#include "tests/unit/model/release/sample.h"
#include "veilsum/serving/v1/serving.grpc.pb.h"

namespace veilsum::client {
namespace {

using nlohmann::json;
namespace pb = serving::v1;

std::shared_ptr<const Predictor> PredictorOf(model::Task task) {
  const release::ReleaseInput input = release::SampleInput(1);
  release::Release r{.manifest = input.facts,
                     .digest = {},
                     .privacy = input.privacy,
                     .plan = input.plan,
                     .layout = model::LayoutOf(input.plan),
                     .model = input.model};
  if (task != model::Task::kBinary) {
    r.plan.task = task;
    r.plan.label.kind =
        task == model::Task::kRegression ? model::LabelKind::kValue : model::LabelKind::kClass;
    r.plan.label.values = {"red", "green", "blue"};
    r.plan.label.lo = model::Decimal::Parse("0").value();
    r.plan.label.hi = model::Decimal::Parse("100").value();
    r.layout = model::LayoutOf(r.plan);
    r.model = release::SampleModel(r.layout, 0.2f);
  }
  return Predictor::Create(std::move(r)).value();
}

std::map<std::string, std::string> RowOf(int i) {
  return {{"id", "u" + std::to_string(i / 2)},
          {"a", std::to_string(0.25 * i)},
          {"b", "-1"},
          {"c", "0.25"},
          {"d", i % 2 == 0 ? "red" : "blue"},
          {"e", "x y"},
          {"f", "good"},
          {"sku", "s" + std::to_string(i)}};
}

class LocalRpc : public testing::Test {
 protected:
  LocalRpc() : api_(model_, nullptr) {
    endpoint_ = GrpcEndpoint::Start("127.0.0.1:0", api_).value();
    channel_ = grpc::CreateChannel(absl::StrFormat("127.0.0.1:%d", endpoint_->port()),
                                   grpc::InsecureChannelCredentials());
    stub_ = pb::Serving::NewStub(channel_);
  }
  template <class Request>
  static void AddRows(int rows, Request& request) {
    for (int i = 0; i < rows; ++i)
      for (const auto& [name, value] : RowOf(i))
        (i < request.rows_size() ? *request.mutable_rows(i) : *request.add_rows())
            .mutable_columns()
            ->insert({name, value});
  }
  static json Body(int rows) {
    json body = {{"rows", json::array()}};
    for (int i = 0; i < rows; ++i) body["rows"].push_back(RowOf(i));
    return body;
  }
  json OverHttp(json body, ServingReply (ServingApi::*ask)(const ServingRequest&)) {
    const std::string text = body.dump();
    const ServingReply reply = (api_.*ask)({"application/json", text});
    EXPECT_EQ(reply.status, 200) << reply.body;
    return json::parse(reply.body);
  }
  grpc::Status Predict(const pb::PredictRequest& request, pb::PredictResponse& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    return stub_->Predict(&context, request, &response);
  }

  ServingModel model_;
  ServingApi api_;
  std::unique_ptr<GrpcEndpoint> endpoint_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<pb::Serving::Stub> stub_;
};

TEST_F(LocalRpc, SaysWhatHttpSays) {
  for (const model::Task task :
       {model::Task::kBinary, model::Task::kMultiClass, model::Task::kRegression}) {
    model_.Set(PredictorOf(task));
    json body = Body(5);
    body["explain"] = true;
    const json http = OverHttp(body, &ServingApi::Predict);
    pb::PredictRequest request;
    AddRows(5, request);
    request.set_explain(true);
    pb::PredictResponse response;
    const grpc::Status status = Predict(request, response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.model().version(), http["model"]["version"]);
    EXPECT_EQ(response.model().digest(), http["model"]["digest"]);
    ASSERT_EQ(response.predictions_size(), 5);
    for (int i = 0; i < 5; ++i) {
      const json& one = http["predictions"][static_cast<std::size_t>(i)];
      const pb::Prediction& p = response.predictions(i);
      EXPECT_EQ(p.id(), one["id"]);
      if (task == model::Task::kRegression) {
        EXPECT_DOUBLE_EQ(p.outcome().value(), one["value"].get<double>());
      } else {
        EXPECT_DOUBLE_EQ(p.outcome().probability(), one["probability"].get<double>());
      }
      if (task == model::Task::kBinary) {
        EXPECT_DOUBLE_EQ(p.outcome().logit(), one["logit"].get<double>());
      }
      if (task == model::Task::kMultiClass) {
        EXPECT_EQ(p.outcome().chosen(), one["class"]);
        ASSERT_EQ(p.outcome().choices_size(), 3);
        for (const auto& [name, probability] : one["probabilities"].items())
          EXPECT_DOUBLE_EQ(p.outcome().choices().at(name), probability.get<double>());
      }
      for (const auto& [name, by] : one["explanation"]["by"].items())
        EXPECT_DOUBLE_EQ(p.explanation().by().at(name), by.get<double>()) << name;
      EXPECT_GT(p.explanation().by_size(), 0);
    }
  }
}

TEST_F(LocalRpc, RecommendsWhatHttpDoes) {
  model_.Set(PredictorOf(model::Task::kBinary));
  json body = Body(6);
  body["top"] = 1;
  body["item"] = "sku";
  const json http = OverHttp(body, &ServingApi::Recommend);
  pb::RecommendRequest request;
  AddRows(6, request);
  request.set_top(1);
  request.set_item("sku");
  pb::RecommendResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(stub_->Recommend(&context, request, &response).ok());
  ASSERT_EQ(response.recommendations_size(), 3);
  for (int i = 0; i < 3; ++i) {
    const json& one = http["recommendations"][static_cast<std::size_t>(i)];
    const pb::Recommendation& r = response.recommendations(i);
    EXPECT_EQ(r.id(), one["id"]);
    ASSERT_EQ(r.best_size(), 1);
    EXPECT_EQ(r.best(0).item(), one["best"][0]["item"]);
    EXPECT_EQ(r.best(0).row(), one["best"][0]["row"].get<std::uint32_t>());
    EXPECT_DOUBLE_EQ(r.best(0).score(), one["best"][0]["score"].get<double>());
  }
  grpc::ClientContext again;
  request.set_top(0);
  EXPECT_EQ(stub_->Recommend(&again, request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(LocalRpc, RefusesWhatHttpRefuses) {
  model_.Set(PredictorOf(model::Task::kBinary));
  pb::PredictRequest request;
  AddRows(2, request);
  request.mutable_rows(1)->mutable_columns()->erase("c");
  pb::PredictResponse response;
  grpc::Status status = Predict(request, response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("rows:2: column"));
  pb::PredictRequest many;
  AddRows(static_cast<int>(kMaxExplainedRows) + 1, many);
  many.set_explain(true);
  EXPECT_EQ(Predict(many, response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(LocalRpc, HealthAndCallsSayWhetherAReleaseServes) {
  // grpc.health.v1 by its bytes: `service` is field 1, and 1 in `status` is SERVING.
  grpc::GenericStub health(channel_);
  const auto serving = [&] {
    const std::string name = "veilsum.serving.v1.Serving";
    const grpc::Slice slice("\x0a" + std::string(1, static_cast<char>(name.size())) + name);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::ClientContext context;
    std::promise<grpc::Status> done;
    health.UnaryCall(&context, "/grpc.health.v1.Health/Check", {}, &request, &response,
                     [&](grpc::Status status) { done.set_value(std::move(status)); });
    EXPECT_TRUE(done.get_future().get().ok());
    grpc::Slice answer;
    EXPECT_TRUE(response.DumpToSingleSlice(&answer).ok());
    return std::string(reinterpret_cast<const char*>(answer.begin()), answer.size()) == "\x08\x01";
  };
  EXPECT_FALSE(serving());
  pb::PredictResponse response;
  EXPECT_EQ(Predict({}, response).error_code(), grpc::StatusCode::UNAVAILABLE);
  model_.Set(PredictorOf(model::Task::kBinary));
  endpoint_->TellHealth();
  EXPECT_TRUE(serving());
  grpc::ClientContext context;
  pb::Model model;
  EXPECT_TRUE(stub_->GetModel(&context, {}, &model).ok());
  EXPECT_EQ(model.model_id(), "sample");
}

TEST_F(LocalRpc, ListensOnLoopbackAlone) {
  EXPECT_EQ(GrpcEndpoint::Start("0.0.0.0:0", api_).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(GrpcEndpoint::Start("[::]:0", api_).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(
      GrpcEndpoint::Start(absl::StrFormat("127.0.0.1:%d", endpoint_->port()), api_).status().code(),
      absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace veilsum::client
