#include "client/serve/rpc/grpc_endpoint.h"

#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include "veilsum/serving/v1/serving.grpc.pb.h"

namespace veilsum::client {
namespace {

namespace v1 = serving::v1;

constexpr char kServingName[] = "veilsum.serving.v1.Serving";
constexpr int kMaxMessageBytes = 32 << 20;  // as a body over HTTP
constexpr int kMaxThreads = 64;
constexpr std::chrono::seconds kGrace{2};

// Codes are the same numbers in both. What is our own failure keeps its text to itself.
grpc::Status GrpcStatus(const absl::Status& status) {
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const bool ours = absl::IsInternal(status) || absl::IsDataLoss(status);
  return {code, ours ? std::string("it failed here") : std::string(status.message())};
}

template <class Of>  // a Feature or a Label
std::string ColumnOf(const Of& of) {
  return of.table + "." + of.column;
}

bool IsLoopback(const std::string& address) {
  return address.starts_with("127.") || address.starts_with("[::1]:");
}

void Fill(const Predictor& from, v1::Model& to) {
  to.set_model_id(from.release().manifest.model_id);
  to.set_version(from.release().manifest.version);
  to.set_digest(HexEncode(from.release().digest));
  to.set_personal(from.is_personal());
}

void Fill(const model::Label& label, const Outcome& from, v1::Outcome& to) {
  to.set_probability(from.probability);
  to.set_logit(from.logit);
  to.set_value(from.value);
  if (label.kind == model::LabelKind::kSegment)
    to.set_chosen(absl::StrFormat("%d", from.chosen + 1));
  const std::vector<double>& choices = from.values.empty() ? from.probabilities : from.values;
  if (choices.empty()) return;
  to.set_chosen(label.values[from.chosen]);
  for (std::size_t k = 0; k < choices.size(); ++k)
    (*to.mutable_choices())[label.values[k]] = choices[k];
}

void Fill(const model::Plan& plan, const Attribution& from, v1::Explanation& to) {
  to.set_baseline(static_cast<double>(from.baseline));
  to.set_residual(from.residual);
  for (std::size_t f = 0; f < from.features.size(); ++f)
    (*to.mutable_by())[ColumnOf(plan.features[f])] = from.features[f];
}

void Fill(const model::Plan& plan, const Prediction& from, v1::Prediction& to) {
  to.set_id(from.id);
  Fill(plan.label, from, *to.mutable_outcome());
  for (std::size_t h = 0; h < from.heads.size(); ++h)
    Fill(plan.heads[h].label, from.heads[h], (*to.mutable_heads())[ColumnOf(plan.heads[h].label)]);
  if (from.why) Fill(plan, *from.why, *to.mutable_explanation());
}

template <class Request>
FindValue ValuesOf(const Request& request) {
  return [&request](std::size_t row, const std::string& column) -> const std::string* {
    const auto& columns = request.rows(static_cast<int>(row)).columns();
    const auto found = columns.find(column);
    return found == columns.end() ? nullptr : &found->second;
  };
}

class ServingService final : public v1::Serving::Service {
 public:
  explicit ServingService(ServingApi& api) : api_(api) {}

  grpc::Status Predict(grpc::ServerContext*, const v1::PredictRequest* request,
                       v1::PredictResponse* response) override {
    const absl::StatusOr<PredictedRows> answer = api_.PredictRows(
        static_cast<std::size_t>(request->rows_size()), ValuesOf(*request), request->explain());
    if (!answer.ok()) return GrpcStatus(answer.status());
    Fill(*answer->model, *response->mutable_model());
    for (const Prediction& p : answer->predictions)
      Fill(answer->model->plan(), p, *response->add_predictions());
    return grpc::Status::OK;
  }

  grpc::Status Recommend(grpc::ServerContext*, const v1::RecommendRequest* request,
                         v1::RecommendResponse* response) override {
    const absl::StatusOr<RecommendedRows> answer =
        api_.RecommendRows(static_cast<std::size_t>(request->rows_size()), ValuesOf(*request),
                           request->item(), request->top());
    if (!answer.ok()) return GrpcStatus(answer.status());
    Fill(*answer->model, *response->mutable_model());
    for (const Recommendation& r : answer->recommendations) {
      v1::Recommendation& to = *response->add_recommendations();
      to.set_id(r.id);
      for (const RankedItem& item : r.best) {
        v1::RankedItem& best = *to.add_best();
        best.set_item(item.item);
        best.set_row(static_cast<std::uint32_t>(item.row));
        best.set_score(item.score);
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status GetModel(grpc::ServerContext*, const v1::GetModelRequest*,
                        v1::Model* response) override {
    const std::shared_ptr<const Predictor> model = api_.Present();
    if (model == nullptr) return GrpcStatus(Unavailable("no release serves"));
    Fill(*model, *response);
    return grpc::Status::OK;
  }

 private:
  ServingApi& api_;
};

class LoopbackEndpoint final : public GrpcEndpoint {
 public:
  explicit LoopbackEndpoint(ServingApi& api) : api_(api), service_(api) {}
  ~LoopbackEndpoint() override {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now() + kGrace);
  }

  absl::Status Listen(const std::string& address) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 8 * 1024);
    grpc::ResourceQuota quota("veilsum_serving");
    quota.SetMaxThreads(kMaxThreads);
    builder.SetResourceQuota(quota);
    builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) return Unavailable("cannot listen on %s", address);
    TellHealth();
    return absl::OkStatus();
  }
  int port() const override { return port_; }
  void TellHealth() override {
    grpc::HealthCheckServiceInterface* const health = server_->GetHealthCheckService();
    if (health == nullptr) return;
    const bool serves = api_.Present() != nullptr;
    health->SetServingStatus("", serves);
    health->SetServingStatus(kServingName, serves);
  }

 private:
  ServingApi& api_;
  ServingService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcEndpoint>> GrpcEndpoint::Start(const std::string& address,
                                                                  ServingApi& api) {
  if (!IsLoopback(address))
    return InvalidArgument("%s is not a loopback address: 127.0.0.1:PORT or [::1]:PORT", address);
  auto endpoint = std::make_unique<LoopbackEndpoint>(api);
  VEILSUM_RETURN_IF_ERROR(endpoint->Listen(address));
  return endpoint;
}

}  // namespace veilsum::client
