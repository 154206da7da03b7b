#include "client/serve/predictor.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "client/serve/feature_name.h"
#include "model/centres.h"
#include "model/mlp.h"
#include "model/plan/scale.h"

namespace veilsum::client {
namespace {

// The shortest text that is this number; "nan" and its like where `json` is false, else null.
void AppendNumber(double value, bool json, std::string& out) {
  if (!std::isfinite(value)) {
    out += json ? "null" : "nan";
    return;
  }
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

bool IsPlain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

std::string Quoted(std::string_view text) {
  if (std::ranges::all_of(text, IsPlain)) return '"' + std::string(text) + '"';
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// exp(z_k - max) / sum (no overflow).
void Softmax(std::span<const float> logits, Outcome& out) {
  out.chosen = static_cast<std::size_t>(std::ranges::max_element(logits) - logits.begin());
  const auto highest = static_cast<double>(logits[out.chosen]);
  double sum = 0;
  for (const float logit : logits) {
    out.probabilities.push_back(std::exp(static_cast<double>(logit) - highest));
    sum += out.probabilities.back();
  }
  for (double& p : out.probabilities) p /= sum;
  out.probability = out.probabilities[out.chosen];
}

std::string NameOf(const model::Label& of) { return of.table + "." + of.column; }

void ReadHead(const model::Label& label, std::span<const float> outputs, Outcome& out) {
  if (label.kind == model::LabelKind::kClass) {
    Softmax(outputs.first(label.outputs()), out);
  } else if (label.kind == model::LabelKind::kValue) {
    out.value = model::Scale(label).Decode(static_cast<double>(outputs[0]));
  } else {
    out.logit = static_cast<double>(outputs[0]);
    out.probability = 1 / (1 + std::exp(-out.logit));
  }
}

// Classes of which one is the answer, rather than actions with values.
bool OfClasses(const model::Plan& plan) {
  return plan.task == model::Task::kMultiClass || plan.task == model::Task::kRecommend;
}

void ReadActions(const model::Plan& plan, std::span<const float> outputs, Outcome& out) {
  for (const float output : outputs.first(plan.outputs()))
    out.values.push_back(static_cast<double>(output) * plan.q_learning->scale());
  out.chosen = static_cast<std::size_t>(std::ranges::max_element(out.values) - out.values.begin());
  out.value = out.values[out.chosen];
}

// Segments are told by the number that people see, from 1.
std::string SegmentName(const Outcome& p) { return absl::StrFormat("%d", p.chosen + 1); }

void Read(const model::Plan& plan, std::span<const float> outputs, Prediction& out) {
  if (plan.q_learning) return ReadActions(plan, outputs, out);
  ReadHead(plan.label, outputs, out);
  outputs = outputs.subspan(plan.outputs());
  for (const model::SideHead& head : plan.heads) {
    ReadHead(head.label, outputs, out.heads.emplace_back());
    outputs = outputs.subspan(head.label.outputs());
  }
}

void AppendSegment(const Outcome& p, std::string& out) {
  AppendNumber(p.value, true, out += "\"segment\":" + SegmentName(p) + ",\"distance\":");
}

// `"class":"red","probability":0.6,"probabilities":{...}`, or what the label's kind has instead.
void AppendOutcome(const model::Label& label, const Outcome& p, std::string& out) {
  if (label.kind == model::LabelKind::kValue)
    return AppendNumber(p.value, true, out += "\"value\":");
  const bool classes = label.kind == model::LabelKind::kClass;
  if (classes) out += "\"class\":" + Quoted(label.values[p.chosen]) + ",";
  AppendNumber(p.probability, true, out += "\"probability\":");
  if (!classes) return AppendNumber(p.logit, true, out += ",\"logit\":");
  out += ",\"probabilities\":{";
  for (std::size_t k = 0; k < p.probabilities.size(); ++k)
    AppendNumber(p.probabilities[k], true,
                 out += (k == 0 ? "" : ",") + Quoted(label.values[k]) + ":");
  out += '}';
}

void AppendActions(const model::Label& label, const Outcome& p, std::string& out) {
  AppendNumber(p.value, true,
               out += "\"action\":" + Quoted(label.values[p.chosen]) + ",\"value\":");
  out += ",\"values\":{";
  for (std::size_t a = 0; a < p.values.size(); ++a)
    AppendNumber(p.values[a], true, out += (a == 0 ? "" : ",") + Quoted(label.values[a]) + ":");
  out += '}';
}

void AppendHeads(const model::Plan& plan, const Prediction& p, std::string& out) {
  out += ",\"heads\":{";
  for (std::size_t h = 0; h < p.heads.size(); ++h) {
    out += (h == 0 ? "" : ",") + Quoted(NameOf(plan.heads[h].label)) + ":{";
    AppendOutcome(plan.heads[h].label, p.heads[h], out);
    out += '}';
  }
  out += '}';
}

void AppendExplanation(const model::Plan& plan, const Attribution& why, std::string& out) {
  out += R"(,"explanation":{"method":"integrated_gradients","baseline_)";
  out += plan.task == model::Task::kRegression || plan.q_learning ? "output\":" : "logit\":";
  AppendNumber(static_cast<double>(why.baseline), true, out);
  out += ",\"residual\":";
  AppendNumber(why.residual, true, out);
  out += ",\"by\":{";
  for (std::size_t f = 0; f < why.features.size(); ++f) {
    if (f != 0) out += ',';
    out += Quoted(FeatureName(plan.features[f])) + ":";
    AppendNumber(why.features[f], true, out);
  }
  out += "}}";
}

}  // namespace

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

absl::StatusOr<std::shared_ptr<const Predictor>> Predictor::Create(
    release::Release release, const std::optional<PersonalModel>& personal) {
  const model::Task task = release.plan.task;
  if (task == model::Task::kMultiTask ||
      (task == model::Task::kQLearning) != release.plan.q_learning.has_value())
    return FailedPrecondition(
        "predictions are for binary, multi-class, regression, recommendation, Q-learning and "
        "segments plans; "
        "model.onnx has the outputs of others");
  if (personal && personal->parent() != release.digest)
    return FailedPrecondition("the personal model was made from release %s, not from %s",
                              HexEncode(personal->parent()), HexEncode(release.digest));
  model::Folded folded = model::FoldItems(release.layout, release.model);
  release.layout = std::move(folded.layout);
  release.model = std::move(folded.model);
  absl::StatusOr<RowEncoder> encoder = RowEncoder::Create(release.plan);
  return std::shared_ptr<const Predictor>(
      new Predictor(std::move(release), personal, std::move(encoder)));
}

absl::StatusOr<const RowEncoder*> Predictor::encoder() const {
  if (!encoder_.ok()) return encoder_.status();
  return &*encoder_;
}

absl::StatusOr<std::vector<Prediction>> Predictor::NearestCentres(
    const model::Examples& rows) const {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> points,
                           model::PointsOf(release_.layout, release_.model, rows));
  const std::vector<double> centres = model::CentresOf(release_.layout, release_.model);
  const std::size_t width = release_.layout.numeric();
  std::vector<Prediction> out(rows.rows());
  for (std::size_t u = 0; u < rows.customers(); ++u)
    for (std::size_t row = rows.first_row[u]; row < rows.first_row[u + 1]; ++row) {
      const model::Nearest nearest =
          model::NearestCentre(std::span(points).subspan(row * width, width), centres);
      out[row].id = rows.customer_ids[u];
      out[row].chosen = nearest.cluster;
      out[row].value = std::sqrt(nearest.squared_distance);
    }
  return out;
}

absl::StatusOr<std::vector<float>> Predictor::Outputs(const model::Examples& rows) const {
  return model::Logits(release_.layout, numbers(), rows);
}

absl::Status Predictor::CheckExplains() const {
  if (plan().task != model::Task::kSegments) return absl::OkStatus();
  return InvalidArgument("segments have no explanation but their centres");
}

absl::StatusOr<std::vector<Prediction>> Predictor::Predict(const model::Examples& rows,
                                                           bool explain) const {
  if (explain) VEILSUM_RETURN_IF_ERROR(CheckExplains());
  if (plan().task == model::Task::kSegments) return NearestCentres(rows);
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<float> outputs, Outputs(rows));
  const std::size_t width = release_.layout.layers().back().out;
  std::vector<Prediction> out(rows.rows());
  for (std::size_t u = 0; u < rows.customers(); ++u)
    for (std::size_t row = rows.first_row[u]; row < rows.first_row[u + 1]; ++row) {
      Prediction& p = out[row];
      p.id = rows.customer_ids[u];
      Read(plan(), std::span(outputs).subspan(row * width, width), p);
      if (!explain) continue;
      VEILSUM_ASSIGN_OR_RETURN(p.why,
                               Attribute(plan(), release_.layout, numbers(), rows, row, p.chosen));
    }
  return out;
}

std::string PredictionCsvHeader(const model::Plan& plan, bool explain) {
  std::string line = CsvField(plan.unit.column);
  if (plan.task == model::Task::kBinary) line += ",probability,logit";
  if (plan.task == model::Task::kRegression) line += ",value";
  if (plan.task == model::Task::kSegments) line += ",segment,distance";
  if (plan.q_learning) {
    line += ",action,value";
    for (const std::string& value : plan.label.values) line += "," + CsvField("v." + value);
  }
  if (OfClasses(plan)) {
    line += ",class,probability";
    for (const std::string& value : plan.label.values) line += "," + CsvField("p." + value);
  }
  for (const model::SideHead& head : plan.heads) line += "," + CsvField(NameOf(head.label));
  if (!explain) return line;
  line += ",baseline";
  for (const model::Feature& f : plan.features) line += "," + CsvField("by." + FeatureName(f));
  return line;
}

std::string PredictionCsvLine(const model::Plan& plan, const Prediction& p) {
  std::string line = CsvField(p.id) + ",";
  if (plan.task == model::Task::kRegression) {
    AppendNumber(p.value, false, line);
  } else if (plan.task == model::Task::kSegments) {
    AppendNumber(p.value, false, line += SegmentName(p) + ",");
  } else if (plan.q_learning) {
    AppendNumber(p.value, false, line += CsvField(plan.label.values[p.chosen]) + ",");
    for (const double value : p.values) AppendNumber(value, false, line += ',');
  } else {
    if (OfClasses(plan)) line += CsvField(plan.label.values[p.chosen]) + ",";
    AppendNumber(p.probability, false, line);
    for (const double probability : p.probabilities) AppendNumber(probability, false, line += ',');
    if (plan.task == model::Task::kBinary) AppendNumber(p.logit, false, line += ',');
  }
  for (std::size_t h = 0; h < p.heads.size(); ++h) {  // one column each: what it says in short
    const model::Label& label = plan.heads[h].label;
    line += ',';
    if (label.kind == model::LabelKind::kClass)
      line += CsvField(label.values[p.heads[h].chosen]);
    else
      AppendNumber(
          label.kind == model::LabelKind::kValue ? p.heads[h].value : p.heads[h].probability, false,
          line);
  }
  if (!p.why) return line;
  AppendNumber(static_cast<double>(p.why->baseline), false, line += ',');
  for (const double by : p.why->features) AppendNumber(by, false, line += ',');
  return line;
}

void AppendPredictionJson(const model::Plan& plan, const Prediction& p, std::string& out) {
  out += '{';
  if (!p.id.empty()) out += "\"id\":" + Quoted(p.id) + ",";
  if (plan.q_learning)
    AppendActions(plan.label, p, out);
  else if (plan.task == model::Task::kSegments)
    AppendSegment(p, out);
  else
    AppendOutcome(plan.label, p, out);
  if (!p.heads.empty()) AppendHeads(plan, p, out);
  if (p.why) AppendExplanation(plan, *p.why, out);
  out += '}';
}

}  // namespace veilsum::client
