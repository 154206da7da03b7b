// What a released model says about rows, in the terms of its plan's task. Immutable: any number of
// threads may ask one.
#pragma once

#include <memory>
#include <optional>

#include "client/serve/attribution.h"
#include "client/serve/personal_model.h"
#include "client/serve/row_encoder.h"
#include "model/release/package.h"

namespace veilsum::client {

// What one head of the model says about a row.
struct Outcome {
  double logit = 0;                   // binary
  double probability = 0;             // binary: of label 1; classes: of the chosen one
  std::size_t chosen = 0;             // classes: place of the most likely one in label.values;
                                      // Q-learning: of the best action; segments: the nearest one
  std::vector<double> probabilities;  // classes, in the order of label.values
  // Regression: in the units of the label's column. Q-learning: the chosen action's of `values`.
  // Segments: the distance to the chosen centre, numbers standardised.
  double value = 0;
  // Q-learning: what each action is expected to be worth, with what follows it by the discount, in
  // the units of the reward's column; in the order of label.values.
  std::vector<double> values;
};

struct Prediction : Outcome {
  std::string id;                  // of the customer; may be empty
  std::vector<Outcome> heads;      // of the plan's side heads
  std::optional<Attribution> why;  // of the logit, of the chosen class's, of the scaled value

  // What candidates are ranked by, more is better: probability of label 1, or the value.
  double score(model::Task task) const {
    return task == model::Task::kRegression ? value : probability;
  }
  // Of plans whose label has classes: what those are ranked by, in the order of label.values.
  const std::vector<double>& scores() const { return values.empty() ? probabilities : values; }
};

class Predictor {
 public:
  // With a personal model that one's numbers predict. FailedPrecondition: a task without
  // predictions, or a personal model of another release.
  static absl::StatusOr<std::shared_ptr<const Predictor>> Create(
      release::Release release, const std::optional<PersonalModel>& personal = std::nullopt);

  const release::Release& release() const { return release_; }
  bool is_personal() const { return personal_.has_value(); }
  const model::Plan& plan() const { return release_.plan; }
  // FailedPrecondition: one flat row cannot hold the plan's features.
  absl::StatusOr<const RowEncoder*> encoder() const;

  // InvalidArgument: segments, which have no explanation but their centres.
  absl::Status CheckExplains() const;

  // The network's outputs, rows x the last layer's. InvalidArgument: rows of another plan.
  absl::StatusOr<std::vector<float>> Outputs(const model::Examples& rows) const;

  // One for each row, in their order. InvalidArgument: rows of another plan; as CheckExplains.
  absl::StatusOr<std::vector<Prediction>> Predict(const model::Examples& rows, bool explain) const;

 private:
  absl::StatusOr<std::vector<Prediction>> NearestCentres(const model::Examples& rows) const;
  Predictor(release::Release release, std::optional<PersonalModel> personal,
            absl::StatusOr<RowEncoder> encoder)
      : release_(std::move(release)),
        personal_(std::move(personal)),
        encoder_(std::move(encoder)) {}
  // What predicts.
  const model::ModelVector& numbers() const {
    return personal_ ? personal_->numbers_ : release_.model;
  }
  release::Release release_;
  std::optional<PersonalModel> personal_;
  absl::StatusOr<RowEncoder> encoder_;
};

// A field as of RFC 4180.
std::string CsvField(const std::string& text);

// A prediction as text. CSV: a header and lines as of RFC 4180, without line ends.
std::string PredictionCsvHeader(const model::Plan& plan, bool explain);
std::string PredictionCsvLine(const model::Plan& plan, const Prediction& prediction);
// Appends one JSON object to `out`.
void AppendPredictionJson(const model::Plan& plan, const Prediction& prediction, std::string& out);

}  // namespace veilsum::client
