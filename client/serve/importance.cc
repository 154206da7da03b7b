#include "client/serve/importance.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "client/data/select_customers.h"
#include "client/serve/feature_name.h"
#include "client/serve/row_batches.h"
#include "client/serve/row_sample.h"

namespace veilsum::client {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kPassedOver = ~std::size_t{0};

// Which of the next `rows` rows is at each place of the sample, of which `taken` are taken so far.
std::vector<std::size_t> Places(std::size_t rows, std::size_t taken, RowSample& sample) {
  std::vector<std::size_t> out(taken, kPassedOver);
  for (std::size_t row = 0; row < rows; ++row) {
    const std::optional<std::size_t> place = sample.Place();
    if (!place) continue;
    if (*place == out.size()) out.emplace_back();
    out[*place] = row;
  }
  return out;
}

// A sample of the rows, each row as a customer of its own.
absl::StatusOr<model::Examples> Draw(const Predictor& predictor, const ImportanceQuestion& question,
                                     std::size_t& rows) {
  VEILSUM_ASSIGN_OR_RETURN(RowBatches batch,
                           RowBatches::Open(predictor, question.data, CustomersPart::kAll));
  RowSample sample(question.sample, question.seed);
  std::vector<model::Examples> drawn;  // of one row each
  while (true) {
    VEILSUM_ASSIGN_OR_RETURN(const bool more, batch.Next());
    if (!more) break;
    const std::vector<std::size_t> places = Places(batch.rows().size(), drawn.size(), sample);
    for (std::size_t place = 0; place < places.size(); ++place) {
      if (place == drawn.size()) drawn.emplace_back();
      if (places[place] != kPassedOver)
        drawn[place] = SelectRows(batch.examples(), {places[place]});
    }
  }
  rows = sample.seen();
  if (drawn.empty()) return InvalidArgument("%s: there are no rows", batch.name());
  for (std::size_t i = 1; i < drawn.size(); ++i) AppendCustomers(drawn[i], drawn.front());
  return std::move(drawn.front());
}

FeatureImportance Summary(const std::string& name, const std::vector<Prediction>& predictions,
                          std::size_t feature) {
  FeatureImportance out;
  out.feature = name;
  const auto n = static_cast<double>(predictions.size());
  double squares = 0;
  for (const Prediction& p : predictions) {
    out.size += std::abs(p.why->features[feature]) / n;
    out.direction += p.why->features[feature] / n;
  }
  for (const Prediction& p : predictions)
    squares += std::pow(std::abs(p.why->features[feature]) - out.size, 2);
  if (predictions.size() > 1) out.standard_error = std::sqrt(squares / (n - 1) / n);
  return out;
}

}  // namespace

absl::StatusOr<Importance> MeasureImportance(const Predictor& predictor,
                                             const ImportanceQuestion& question) {
  if (question.sample < 1) return InvalidArgument("sample is 0, must be at least 1");
  Importance out;
  VEILSUM_ASSIGN_OR_RETURN(const model::Examples examples, Draw(predictor, question, out.rows));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Prediction> predictions,
                           predictor.Predict(examples, true));
  out.explained = predictions.size();
  for (const Prediction& p : predictions)
    out.residual += std::abs(p.why->residual) / static_cast<double>(predictions.size());
  double sum = 0;
  for (std::size_t f = 0; f < predictor.plan().features.size(); ++f) {
    const model::Feature& feature = predictor.plan().features[f];
    out.features.push_back(Summary(FeatureName(feature), predictions, f));
    sum += out.features.back().size;
  }
  for (FeatureImportance& feature : out.features) feature.share = sum > 0 ? feature.size / sum : 0;
  std::ranges::stable_sort(out.features, std::greater(), &FeatureImportance::size);
  return out;
}

std::string ImportanceJson(const Predictor& predictor, const Importance& importance) {
  const release::Manifest& manifest = predictor.release().manifest;
  ordered_json features = ordered_json::array();
  for (const FeatureImportance& f : importance.features)
    features.push_back({{"feature", f.feature},
                        {"mean_absolute", f.size},
                        {"standard_error", f.standard_error},
                        {"share", f.share},
                        {"mean", f.direction}});
  return ordered_json{{"model", {{"model_id", manifest.model_id}, {"version", manifest.version}}},
                      {"method", "integrated_gradients"},
                      {"rows", importance.rows},
                      {"explained", importance.explained},
                      {"mean_absolute_residual", importance.residual},
                      {"features", features}}
             .dump() +
         "\n";
}

std::string ImportanceText(const Importance& importance) {
  std::size_t width = 8;
  for (const FeatureImportance& f : importance.features) width = std::max(width, f.feature.size());
  const int columns = static_cast<int>(width);
  std::string out =
      absl::StrFormat("%-*s  %6s  %-18s  %s\n", columns, "feature", "share", "mean size", "mean");
  for (const FeatureImportance& f : importance.features)
    out += absl::StrFormat("%-*s  %5.1f%%  %-18s  %+.4f\n", columns, f.feature, 100 * f.share,
                           absl::StrFormat("%.4f +- %.4f", f.size, f.standard_error), f.direction);
  return out +
         absl::StrFormat("\nIntegrated gradients of %d of %d rows; what they miss is %.4f a row.\n",
                         importance.explained, importance.rows, importance.residual);
}

}  // namespace veilsum::client
