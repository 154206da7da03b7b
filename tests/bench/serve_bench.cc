// One prediction and batches of them through the local endpoint, from a client on loopback:
//   serve/one          wall time of one row a request, median and 99th percentile, and CPU time of
//                      client and server together, microseconds
//   serve/one/grpc     the same over gRPC
//   serve/batch/FORM   predictions a second of wall time, requests of 8192 rows; and a second of
//                      CPU time of client and server together
// One connection. The model is of the plan of generated shops (11 columns, 128 x 64 x 32).
#include <grpcpp/grpcpp.h>
#include <httplib.h>

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>

#include "client/serve/http_endpoint.h"
#include "client/serve/rpc/grpc_endpoint.h"
#include "model/contract/privacy_terms.h"
#include "model/init.h"
#include "model/plan/plan_format.h"
#include "tests/bench/timing.h"
#include "veilsum/serving/v1/serving.grpc.pb.h"

namespace veilsum::client {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;
constexpr int kOnes = 20'000, kBatches = 31, kBatchRows = 8192;

double MicrosecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
}

json Row(int i) {
  return {{"user_id", "u" + std::to_string(i)},
          {"orders", i % 7},
          {"total_spent", 12.5 * (i % 31)},
          {"days_since_last", i % 365},
          {"category", i % 2 ? "books" : "garden"},
          {"sessions", i % 40},
          {"pages", i % 300},
          {"seconds", 35 * (i % 300)},
          {"device", i % 3 ? "mobile" : "desktop"},
          {"month", "Nov"},
          {"searches", i % 9},
          {"top_query", "crime novel"}};
}

std::string Csv() {
  std::string text;
  const json first = Row(0);
  for (const auto& [name, value] : first.items()) text += (text.empty() ? "" : ",") + name;
  text += '\n';
  for (int i = 0; i < kBatchRows; ++i) {
    std::string line;
    const json row = Row(i);
    for (const auto& [name, value] : row.items())
      line +=
          (line.empty() ? "" : ",") + (value.is_string() ? value.get<std::string>() : value.dump());
    text += line + '\n';
  }
  return text;
}

std::string JsonBody(int rows) {
  json body = {{"rows", json::array()}};
  for (int i = 0; i < rows; ++i) body["rows"].push_back(Row(i));
  return body.dump();
}

bool Ask(httplib::Client& client, const std::string& body, const char* type) {
  const auto reply = client.Post("/v1/predict", body, type);
  return reply && reply->status == 200;
}

void Batches(httplib::Client& client, const char* name, const std::string& body, const char* type) {
  std::vector<double> rates, cpu_rates;
  for (int i = 0; i < kBatches; ++i) {
    const Clock::time_point begin = Clock::now();
    const double cpu = bench::CpuSeconds();
    if (!Ask(client, body, type)) return;
    cpu_rates.push_back(kBatchRows / (bench::CpuSeconds() - cpu));
    rates.push_back(kBatchRows / MicrosecondsSince(begin) * 1e6);
  }
  std::printf(
      "{\"bench\":\"serve/batch/%s\",\"rows\":%d,\"predictions_per_second\":%.0f,"
      "\"per_cpu_second\":%.0f}\n",
      name, kBatchRows, bench::Median(rates), bench::Median(cpu_rates));
}

// False when one of them fails.
bool Ones(const char* name, const std::function<bool()>& ask) {
  std::vector<double> times;
  const double cpu = bench::CpuSeconds();
  for (int i = 0; i < kOnes; ++i) {
    const Clock::time_point begin = Clock::now();
    if (!ask()) return false;
    times.push_back(MicrosecondsSince(begin));
  }
  const double cpu_us = (bench::CpuSeconds() - cpu) / kOnes * 1e6;
  std::ranges::sort(times);
  std::printf("{\"bench\":\"%s\",\"median_us\":%.0f,\"p99_us\":%.0f,\"cpu_us\":%.0f}\n", name,
              times[kOnes / 2], times[kOnes / 100 * 99], cpu_us);
  return true;
}

bool OnesOverGrpc(ServingApi& api) {
  const auto endpoint = GrpcEndpoint::Start("127.0.0.1:0", api);
  if (!endpoint.ok()) return false;
  const auto stub = serving::v1::Serving::NewStub(grpc::CreateChannel(
      absl::StrFormat("127.0.0.1:%d", (*endpoint)->port()), grpc::InsecureChannelCredentials()));
  serving::v1::PredictRequest request;
  auto& columns = *request.add_rows()->mutable_columns();
  const json row = Row(0);
  for (const auto& [name, value] : row.items())
    columns[name] = value.is_string() ? value.get<std::string>() : value.dump();
  return Ones("serve/one/grpc", [&] {
    grpc::ClientContext context;
    serving::v1::PredictResponse response;
    return stub->Predict(&context, request, &response).ok() && response.predictions_size() == 1;
  });
}

int Run(const char* plan_file) {
  absl::StatusOr<model::Plan> plan = model::ReadPlanFile(plan_file);
  if (!plan.ok()) return 1;
  release::Release release;
  release.plan = *plan;
  release.layout = model::LayoutOf(*plan);
  release.model = model::InitialModel(release.layout, 1);
  ServingModel model;
  model.Set(Predictor::Create(std::move(release)).value());
  ServingApi api(model, nullptr);
  const auto endpoint = StartHttpEndpoint({.threads = 1}, api);
  if (!endpoint.ok()) return 1;
  httplib::Client client("127.0.0.1", (*endpoint)->port());
  client.set_keep_alive(true);
  client.set_tcp_nodelay(true);
  const std::string one = JsonBody(1);
  if (!Ones("serve/one", [&] { return Ask(client, one, "application/json"); })) return 1;
  if (!OnesOverGrpc(api)) return 1;
  Batches(client, "json", JsonBody(kBatchRows), "application/json");
  Batches(client, "csv", Csv(), "text/csv");
  return 0;
}

}  // namespace
}  // namespace veilsum::client

int main(int argc, char** argv) {
  return veilsum::client::Run(argc > 1 ? argv[1] : "deploy/examples/synthetic_shops.toml");
}
