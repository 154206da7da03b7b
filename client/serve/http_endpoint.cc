#include "client/serve/http_endpoint.h"

namespace veilsum::client {
namespace {

HttpAnswer AnswerOf(ServingReply reply) {
  return {reply.status, std::move(reply.type), std::move(reply.body)};
}

HttpRoute Post(std::string path, ServingApi& api,
               ServingReply (ServingApi::*answer)(const ServingRequest&)) {
  return {
      "POST", std::move(path), [&api, answer](const HttpRequest& request) {
        const auto explain = request.query.find("explain");
        return AnswerOf((api.*answer)({request.media_type, request.body,
                                       explain != request.query.end() && explain->second == "1"}));
      }};
}

HttpRoute Get(std::string path, const ServingApi& api, ServingReply (ServingApi::*answer)() const) {
  return {"GET", std::move(path),
          [&api, answer](const HttpRequest&) { return AnswerOf((api.*answer)()); }};
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> StartHttpEndpoint(const HttpEndpointConfig& config,
                                                              ServingApi& api) {
  HttpLimits limits;
  limits.threads = config.threads;
  limits.body_bytes = config.body_bytes;
  limits.seconds = 10;
  limits.idle_seconds = 2;
  limits.requests_per_connection = 1'000'000;
  return HttpServer::Start(
      config.address,
      {Post("/v1/predict", api, &ServingApi::Predict),
       Post("/v1/recommend", api, &ServingApi::Recommend),
       Post("/v1/feedback", api, &ServingApi::Feedback), Get("/v1/model", api, &ServingApi::Model),
       Get("/v1/counters", api, &ServingApi::Counters)},
      limits);
}

}  // namespace veilsum::client
