#include "client/serve/serving_api.h"

#include <chrono>

#include "client/serve/json_batch.h"
#include "client/serve/ranking.h"

namespace veilsum::client {
namespace {

using nlohmann::json;
using ModelPointer = std::shared_ptr<const Predictor>;
constexpr char kJson[] = "application/json", kLines[] = "application/x-ndjson", kCsv[] = "text/csv";

// Encoded rows of one request.
struct Batch {
  model::Examples rows;
  std::vector<std::string> items;
  bool explain = false;
};

int HttpStatus(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
      return 409;
    case absl::StatusCode::kUnimplemented:
      return 415;
    case absl::StatusCode::kUnavailable:
      return 503;
    default:
      return 500;
  }
}

std::string Text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

absl::Status TooMany(std::size_t limit, std::string_view what) {
  return InvalidArgument("more than %d rows %s", limit, what);
}

absl::StatusOr<json> ParseObject(const ServingRequest& request) {
  if (request.type != kJson)
    return absl::UnimplementedError("the body's type must be application/json");
  json body = json::parse(request.body, nullptr, false);
  if (!body.is_object() || !body.contains("rows") || !body["rows"].is_array())
    return InvalidArgument("the body must be a JSON object with an array \"rows\"");
  if (body["rows"].size() > kMaxServedRows) return TooMany(kMaxServedRows, "in one request");
  return body;
}

// Calls `take` with each row.
template <class Take>
absl::Status ForEachRow(const json& rows, const JsonRows& reader, Take take) {
  FlatRow row;
  for (const json& object : rows) {
    ++row.line;
    VEILSUM_RETURN_IF_ERROR(reader.Read(object, "rows", row));
    VEILSUM_RETURN_IF_ERROR(take(row));
  }
  return absl::OkStatus();
}

absl::StatusOr<Batch> ReadJson(const Predictor& model, const ServingRequest& request) {
  if (request.type != kJson)
    return absl::UnimplementedError("the body's type must be application/json");
  VEILSUM_ASSIGN_OR_RETURN(const RowEncoder* encoder, model.encoder());
  Batch batch;
  VEILSUM_ASSIGN_OR_RETURN(
      const JsonBatch read,
      ReadJsonBatch(
          request.body, encoder->wanted(), model.plan().unit.column, kMaxServedRows,
          [&] { batch.rows = encoder->Empty(); },
          [&](const FlatRow& row) { return encoder->Append(row, "rows", batch.rows); }));
  batch.explain = read.explain;
  return batch;
}

absl::StatusOr<Batch> ReadCandidates(const Predictor& model, const json& body,
                                     const std::string& item) {
  VEILSUM_ASSIGN_OR_RETURN(const RowEncoder* encoder, model.encoder());
  std::vector<WantedColumn> wanted = encoder->wanted();
  if (!item.empty()) wanted.push_back({"", item});
  const JsonRows reader(wanted, model.plan().unit.column);
  Batch batch{encoder->Empty(), {}, false};
  VEILSUM_RETURN_IF_ERROR(ForEachRow(body["rows"], reader, [&](const FlatRow& row) {
    if (!item.empty()) batch.items.push_back(row.values.back());
    return encoder->Append(row, "rows", batch.rows);
  }));
  return batch;
}

// With `item` the column that names a candidate.
absl::StatusOr<Batch> ReadNamed(const Predictor& model, std::size_t rows, const FindValue& find,
                                const std::string& item) {
  if (rows > kMaxServedRows) return TooMany(kMaxServedRows, "in one request");
  VEILSUM_ASSIGN_OR_RETURN(const RowEncoder* encoder, model.encoder());
  std::vector<WantedColumn> wanted = encoder->wanted();
  if (!item.empty()) wanted.push_back({"", item});
  const NamedRows reader(wanted, model.plan().unit.column);
  Batch batch{encoder->Empty(), {}, false};
  FlatRow row;
  for (std::size_t i = 0; i < rows; ++i) {
    VEILSUM_RETURN_IF_ERROR(reader.Read(i, find, "rows", row));
    if (!item.empty()) batch.items.push_back(row.values.back());
    VEILSUM_RETURN_IF_ERROR(encoder->Append(row, "rows", batch.rows));
  }
  return batch;
}

absl::StatusOr<Batch> ReadText(const Predictor& model, const ServingRequest& request) {
  VEILSUM_ASSIGN_OR_RETURN(const RowEncoder* encoder, model.encoder());
  VEILSUM_ASSIGN_OR_RETURN(
      const std::unique_ptr<RowSource> source,
      RowsOfText(std::string(request.body), "rows", encoder->wanted(), model.plan().unit.column));
  Batch batch{encoder->Empty(), {}, request.explain};
  FlatRow row;
  while (true) {
    VEILSUM_ASSIGN_OR_RETURN(const bool more, source->Next(row));
    if (!more) return batch;
    if (batch.rows.rows() == kMaxServedRows) return TooMany(kMaxServedRows, "in one request");
    VEILSUM_RETURN_IF_ERROR(encoder->Append(row, "rows", batch.rows));
  }
}

std::string ModelJson(const Predictor& model) {
  const release::Manifest& m = model.release().manifest;
  return Text({{"model_id", m.model_id},
               {"version", m.version},
               {"digest", HexEncode(model.release().digest)},
               {"personal", model.is_personal()}});
}

ServingReply Answer(const Predictor& model, const std::vector<Prediction>& predictions,
                    std::string_view type, bool explain) {
  ServingReply reply{200, std::string(type), {}};
  if (type == kCsv) {
    reply.body = PredictionCsvHeader(model.plan(), explain) + "\n";
    for (const Prediction& p : predictions) reply.body += PredictionCsvLine(model.plan(), p) + "\n";
    return reply;
  }
  const bool lines = type == kLines;
  if (!lines) reply.body = "{\"model\":" + ModelJson(model) + ",\"predictions\":[";
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    if (i != 0 && !lines) reply.body += ',';
    AppendPredictionJson(model.plan(), predictions[i], reply.body);
    if (lines) reply.body += '\n';
  }
  if (!lines) reply.body += "]}";
  return reply;
}

absl::StatusOr<ServingReply> PredictWith(const Predictor& model, const ServingRequest& request,
                                         std::atomic<std::uint64_t>& rows) {
  absl::StatusOr<Batch> batch;
  if (request.type == kLines || request.type == kCsv) {
    batch = ReadText(model, request);
  } else {
    batch = ReadJson(model, request);
  }
  VEILSUM_RETURN_IF_ERROR(batch.status());
  if (batch->explain && batch->rows.rows() > kMaxExplainedRows)
    return TooMany(kMaxExplainedRows, "to explain");
  rows += batch->rows.rows();
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Prediction> predictions,
                           model.Predict(batch->rows, batch->explain));
  return Answer(model, predictions, request.type, batch->explain);
}

absl::StatusOr<ServingReply> RecommendWith(const Predictor& model, const ServingRequest& request,
                                           std::atomic<std::uint64_t>& rows) {
  VEILSUM_RETURN_IF_ERROR(CheckRanks(model.plan()));
  VEILSUM_ASSIGN_OR_RETURN(const json body, ParseObject(request));
  const auto top = body.find("top");
  if (top == body.end() || !top->is_number_unsigned() || top->get<std::uint64_t>() < 1 ||
      top->get<std::uint64_t>() > kMaxTop)
    return InvalidArgument("\"top\" must be a number from 1 to %d", kMaxTop);
  std::string item;
  if (const auto found = body.find("item"); found != body.end()) {
    if (!found->is_string()) return InvalidArgument("\"item\" must be the name of a column");
    item = found->get<std::string>();
  }
  VEILSUM_ASSIGN_OR_RETURN(const Batch batch, ReadCandidates(model, body, item));
  rows += batch.rows.rows();
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Prediction> predictions,
                           model.Predict(batch.rows, false));
  json out = json::array();
  for (const Recommendation& r :
       client::Recommend(model.plan(), predictions, batch.items, top->get<std::size_t>())) {
    json best = json::array();
    for (const RankedItem& i : r.best) {
      best.push_back({{"row", i.row}, {"score", i.score}});
      if (!i.item.empty()) best.back()["item"] = i.item;
    }
    out.push_back({{"best", best}});
    if (!r.id.empty()) out.back()["id"] = r.id;
  }
  return ServingReply{200, kJson,
                      "{\"model\":" + ModelJson(model) + ",\"recommendations\":" + Text(out) + "}"};
}

absl::StatusOr<ServingReply> Record(FeedbackLog* log, const ServingRequest& request) {
  if (log == nullptr) return FailedPrecondition("feedback is not recorded here");
  VEILSUM_ASSIGN_OR_RETURN(const json body, ParseObject(request));
  const JsonRows reader(log->wanted(), log->plan().unit.column);
  std::vector<FlatRow> rows;
  VEILSUM_RETURN_IF_ERROR(ForEachRow(body["rows"], reader, [&](const FlatRow& row) {
    rows.push_back(row);
    return absl::OkStatus();
  }));
  VEILSUM_RETURN_IF_ERROR(log->Add(rows));
  return ServingReply{200, kJson, Text({{"recorded", rows.size()}})};
}

}  // namespace

ServingReply ErrorReply(const absl::Status& status) {
  return {HttpStatus(status), kJson,
          Text({{"error",
                 {{"code", absl::StatusCodeToString(status.code())},
                  {"message", std::string(status.message())}}}})};
}

static ServingReply ReplyOf(const absl::StatusOr<ServingReply>& reply) {
  return reply.ok() ? *reply : ErrorReply(reply.status());
}

// `answer` is asked with the model that serves now, and gives a StatusOr.
template <class Answer>
auto ServingApi::Counted(Answer&& answer) -> decltype(answer(ModelPointer())) {
  const auto begin = std::chrono::steady_clock::now();
  const ModelPointer model = model_.Get();
  auto reply = model != nullptr ? answer(model) : Unavailable("no release serves");
  ++requests_;
  // A caller's mistake is not an error of the release.
  if (!reply.ok()) errors_ += HttpStatus(reply.status()) >= 500;
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
  ++latency_[rollout::LatencyBucket(took.count())];
  return reply;
}

ServingReply ServingApi::Predict(const ServingRequest& request) {
  return ReplyOf(
      Counted([&](const ModelPointer& model) { return PredictWith(*model, request, rows_); }));
}

ServingReply ServingApi::Recommend(const ServingRequest& request) {
  return ReplyOf(
      Counted([&](const ModelPointer& model) { return RecommendWith(*model, request, rows_); }));
}

ServingReply ServingApi::Feedback(const ServingRequest& request) {
  return ReplyOf(Counted([&](const ModelPointer&) { return Record(feedback_, request); }));
}

absl::StatusOr<PredictedRows> ServingApi::PredictRows(std::size_t rows, const FindValue& find,
                                                      bool explain) {
  return Counted([&](const ModelPointer& model) -> absl::StatusOr<PredictedRows> {
    VEILSUM_ASSIGN_OR_RETURN(const Batch batch, ReadNamed(*model, rows, find, ""));
    if (explain && rows > kMaxExplainedRows) return TooMany(kMaxExplainedRows, "to explain");
    rows_ += rows;
    PredictedRows out{model, {}};
    VEILSUM_ASSIGN_OR_RETURN(out.predictions, model->Predict(batch.rows, explain));
    return out;
  });
}

absl::StatusOr<RecommendedRows> ServingApi::RecommendRows(std::size_t rows, const FindValue& find,
                                                          const std::string& item,
                                                          std::size_t top) {
  return Counted([&](const ModelPointer& model) -> absl::StatusOr<RecommendedRows> {
    VEILSUM_RETURN_IF_ERROR(CheckRanks(model->plan()));
    if (top < 1 || top > kMaxTop) return InvalidArgument("\"top\" must be from 1 to %d", kMaxTop);
    VEILSUM_ASSIGN_OR_RETURN(const Batch batch, ReadNamed(*model, rows, find, item));
    rows_ += rows;
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<Prediction> predictions,
                             model->Predict(batch.rows, false));
    return RecommendedRows{model, client::Recommend(model->plan(), predictions, batch.items, top)};
  });
}

ServingReply ServingApi::Model() const {
  const ModelPointer model = model_.Get();
  if (model == nullptr) return ErrorReply(Unavailable("no release serves"));
  return {200, kJson, ModelJson(*model)};
}

ServingCount ServingApi::Count() const {
  ServingCount out;
  // Times before requests: there are never more of them.
  for (std::size_t i = 0; i < latency_.size(); ++i) out.latency[i] = latency_[i];
  out.errors = errors_;
  out.rows = rows_;
  out.requests = requests_;
  return out;
}

ServingReply ServingApi::Counters() const {
  const ServingCount c = Count();
  return {200, kJson,
          Text({{"requests", c.requests},
                {"errors", c.errors},
                {"rows", c.rows},
                {"latency", c.latency}})};
}

}  // namespace veilsum::client
