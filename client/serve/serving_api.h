// What the local endpoint answers, without its sockets: bodies in, bodies out (docs/serving.md).
#pragma once

#include <array>
#include <atomic>
#include <string>

#include "client/serve/feedback_log.h"
#include "client/serve/ranking.h"
#include "client/serve/serving_model.h"
#include "model/rollout/latency_buckets.h"

namespace veilsum::client {

inline constexpr std::size_t kMaxServedRows = std::size_t{1} << 16;  // of one request
inline constexpr std::size_t kMaxExplainedRows = 256;
inline constexpr std::size_t kMaxTop = 1000;

struct ServingRequest {
  std::string_view type;  // media type of the body, without parameters
  std::string_view body;
  bool explain = false;  // of rows that are not JSON; JSON says it in the body
};
struct ServingReply {
  int status = 200;
  std::string type = "application/json";
  std::string body;
};

// Requests, errors of ours, rows, and requests by time.
struct ServingCount {
  std::uint64_t requests = 0, errors = 0, rows = 0;
  std::array<std::uint64_t, rollout::kLatencyBuckets> latency{};  // by LatencyBucket
};

// Of one model.
struct PredictedRows {
  std::shared_ptr<const Predictor> model;
  std::vector<Prediction> predictions;
};
struct RecommendedRows {
  std::shared_ptr<const Predictor> model;
  std::vector<Recommendation> recommendations;
};

// Any thread.
class ServingApi {
 public:
  // `feedback` may be null: then it is refused. Both must outlive it.
  ServingApi(const ServingModel& model, FeedbackLog* feedback)
      : model_(model), feedback_(feedback) {}

  // POST /v1/predict, /v1/recommend, /v1/feedback; every answer is from one model.
  ServingReply Predict(const ServingRequest& request);
  ServingReply Recommend(const ServingRequest& request);
  ServingReply Feedback(const ServingRequest& request);
  // The same of rows that lie elsewhere. InvalidArgument, FailedPrecondition; Unavailable: no
  // release serves.
  absl::StatusOr<PredictedRows> PredictRows(std::size_t rows, const FindValue& find, bool explain);
  absl::StatusOr<RecommendedRows> RecommendRows(std::size_t rows, const FindValue& find,
                                                const std::string& item, std::size_t top);
  std::shared_ptr<const Predictor> Present() const { return model_.Get(); }  // null: none
  // GET /v1/model, /v1/counters.
  ServingReply Model() const;
  ServingReply Counters() const;
  ServingCount Count() const;  // since it was made

 private:
  template <class Answer>
  auto Counted(Answer&& answer) -> decltype(answer(std::shared_ptr<const Predictor>()));
  const ServingModel& model_;
  FeedbackLog* feedback_;
  std::atomic<std::uint64_t> requests_{0}, rows_{0}, errors_{0};
  std::array<std::atomic<std::uint64_t>, rollout::kLatencyBuckets> latency_{};  // by LatencyBucket
};

// {"error":{"code":"INVALID_ARGUMENT","message":"..."}} with the HTTP status that fits.
ServingReply ErrorReply(const absl::Status& status);

}  // namespace veilsum::client
