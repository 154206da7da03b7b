#include "model/release/documents.h"

#include <charconv>
#include <cmath>

#include "base/fnv1a.h"
#include "base/tlog/in_toto.h"
#include "model/mlp.h"
#include "model/plan/names.h"
#include "model/plan/plan_format.h"

namespace veilsum::release {
namespace {

constexpr std::size_t kSelfTestRows = 8;

std::string Canonical(const Json& json) {
  const absl::StatusOr<std::string> text = EncodeCanonical(json);
  VEILSUM_CHECK(text.ok());
  return *text;
}

std::size_t Categorical(const model::Plan& plan) {
  return static_cast<std::size_t>(
      std::ranges::count(plan.features, model::FeatureKind::kCategorical, &model::Feature::kind));
}

Json InputJson(const std::string& name, const char* type, std::size_t width, const char* what) {
  return {{"name", name},
          {"dtype", type},
          {"shape", {"N", std::to_string(width)}},
          {"semantics", what}};
}

std::uint64_t Place(std::size_t row, std::string_view kind, std::size_t i) {
  const std::uint64_t hash = Fnv1a64(absl::StrFormat("%s/%d/%d", kind, row, i));
  return (hash ^ (hash >> 32)) * 0x9e3779b97f4a7c15ULL >> 16;
}

model::Examples SelfTestRows(const model::Plan& plan, const model::Layout& layout) {
  model::Examples rows;
  rows.numeric = static_cast<int>(layout.numeric());
  rows.categorical = static_cast<int>(Categorical(plan));
  for (const model::Feature& feature : plan.features)
    if (feature.is_list()) rows.lists.push_back({feature.buckets, feature.slots(), {}, {}});
  for (std::size_t row = 0; row < kSelfTestRows; ++row) {
    for (std::size_t i = 0; i < layout.numeric(); ++i)
      rows.numeric_values.push_back(static_cast<float>(Place(row, "numeric", i) % 2001) / 1000.0f -
                                    1.0f);
    std::size_t first = layout.dense_inputs(), ordinal = 0;
    for (const model::Feature& feature : plan.features) {
      if (feature.kind != model::FeatureKind::kCategorical) continue;
      rows.active_inputs.push_back(static_cast<std::uint32_t>(
          first + Place(row, "categorical", ordinal++) % feature.buckets));
      first += feature.buckets;
    }
    for (std::size_t list = 0; list < rows.lists.size(); ++list)
      for (std::uint32_t slot = 0; slot < rows.lists[list].slots; ++slot) {
        const bool used = slot < 1 + row;
        const std::uint64_t id = Place(row, absl::StrFormat("list%d", list), slot);
        rows.lists[list].ids.push_back(
            used ? static_cast<std::uint32_t>(id % rows.lists[list].buckets) : 0);
        rows.lists[list].weights.push_back(used ? 0.25f : 0.0f);
      }
    rows.labels.push_back(0);
    rows.first_row.push_back(static_cast<std::uint32_t>(row + 1));
  }
  return rows;
}

// As one output of its own, beside the logits.
bool HasProbability(const model::Plan& plan) {
  return plan.task == model::Task::kBinary && plan.heads.empty();
}

std::string TextOf(const Json& object, const char* key) {
  return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : "";
}

}  // namespace

std::string SchemaJson(const model::Plan& plan) {
  Json columns = Json::array();
  for (const model::Feature& f : plan.features) {
    Json column = {{"column", f.table + "." + f.column}, {"kind", NameOf(f.kind)}};
    if (!f.more_columns.empty()) column["more_columns"] = f.more_columns;
    columns.push_back(column);
  }
  Json schema = {{"format", 1},
                 {"id", plan.unit.column},
                 {"columns", columns},
                 {"label", plan.label.table + "." + plan.label.column},
                 {"output", HasProbability(plan) ? "probability" : "logits"}};
  if (plan.task == model::Task::kSegments) {
    schema.erase("label");
    schema["segments"] = plan.label.segments;
  }
  std::size_t first = plan.outputs();
  for (const model::SideHead& head : plan.heads) {
    schema["heads"].push_back({{"label", head.label.table + "." + head.label.column},
                               {"first_output", first},
                               {"outputs", head.label.outputs()}});
    first += head.label.outputs();
  }
  return Canonical(schema);
}

std::string PreprocessJson(const model::Plan& plan, const model::Layout& layout) {
  Json features = Json::array();
  std::size_t numeric = 0, categorical = 0, list = 0, input = layout.dense_inputs();
  for (const model::Feature& f : plan.features) {
    Json one = {{"column", f.table + "." + f.column}, {"kind", NameOf(f.kind)}};
    if (f.kind == model::FeatureKind::kNumeric) {
      one["lo"] = f.lo.ToString();
      one["hi"] = f.hi.ToString();
      one["log"] = f.log;
      one["input"] = "numeric";
      one["place"] = numeric++;
    } else if (f.kind == model::FeatureKind::kCategorical) {
      one["buckets"] = f.buckets;
      one["input"] = "active";
      one["place"] = categorical++;
      one["first"] = input;
      input += f.buckets;
    } else {
      one["buckets"] = f.buckets;
      one["slots"] = f.slots();
      one["input"] = absl::StrFormat("list%d", list++);
      if (f.kind == model::FeatureKind::kText) one["ngrams"] = f.ngrams;
    }
    features.push_back(one);
  }
  return Canonical({{"format", 1},
                    {"rules", "veilsum-features-v1"},
                    {"plan_sha256", HexEncode(model::PlanSha256(plan))},
                    {"features", features}});
}

Json InputsJson(const model::Plan& plan, const model::Layout& layout) {
  Json inputs = Json::array();
  if (layout.numeric() != 0)
    inputs.push_back(InputJson("numeric", "float32", layout.numeric(),
                               "numeric columns scaled to [-1, 1] by public bounds"));
  if (Categorical(plan) != 0)
    inputs.push_back(InputJson("active", "int64", Categorical(plan),
                               "of each categorical column the input that is on"));
  std::size_t list = 0;
  for (const model::Feature& f : plan.features) {
    if (!f.is_list()) continue;
    const std::string name = absl::StrFormat("list%d", list++);
    inputs.push_back(InputJson(name + ".ids", "int64", f.slots(), "buckets of hashed terms"));
    inputs.push_back(InputJson(name + ".weights", "float32", f.slots(), "their weights, or 0"));
  }
  return inputs;
}

Json OutputsJson(const model::Plan& plan, const model::Layout& layout) {
  const std::size_t outputs = layout.outputs();
  const char* const meaning = plan.task == model::Task::kSegments
                                  ? "a score of each segment's centre: the largest is the nearest"
                                  : "before the link function";
  Json all = Json::array({InputJson("logits", "float32", outputs, meaning)});
  if (HasProbability(plan))
    all.push_back(InputJson("probability", "float32", 1, "that the label is 1"));
  return all;
}

std::vector<float> SelfTestLogits(const model::Plan& plan, const model::Layout& layout,
                                  const model::ModelVector& model) {
  const absl::StatusOr<std::vector<float>> logits =
      model::Logits(layout, model, SelfTestRows(plan, layout));
  VEILSUM_CHECK(logits.ok());
  std::vector<float> first;
  for (std::size_t i = 0; i < logits->size(); i += layout.outputs())
    first.push_back((*logits)[i]);
  return first;
}

std::string SelfTestJson(const std::vector<float>& logits) {
  Json texts = Json::array();
  for (const float logit : logits)
    texts.push_back(std::isfinite(logit) ? DecimalOf(logit) : std::string("none"));
  return Canonical({{"format", 1}, {"rows", "fnv1a64-v1"}, {"logits", texts}});
}

absl::StatusOr<std::vector<float>> ParseSelfTest(std::string_view text) {
  VEILSUM_ASSIGN_OR_RETURN(const Json json, ParseCanonical(text));
  std::vector<float> logits;
  if (!json.is_object() || !json.contains("logits") || !json["logits"].is_array() ||
      json["logits"].size() != kSelfTestRows)
    return InvalidArgument("selftest.json must have %d logits", kSelfTestRows);
  for (const Json& item : json["logits"]) {
    const std::string number = item.is_string() ? item.get<std::string>() : "";
    float value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (number.empty() || error != std::errc() || end != number.data() + number.size() ||
        !std::isfinite(value))
      return InvalidArgument("selftest.json: a logit is not a finite number");
    logits.push_back(value);
  }
  return logits;
}

// CycloneDX 1.6, a machine-learning-model with its modelCard.
std::string CardJson(const Manifest& m, const model::Plan& plan, const Json& privacy,
                     const Json& metrics) {
  const bool segments = plan.task == model::Task::kSegments;
  Json figures = Json::array();
  for (const auto& [name, value] : metrics.items())
    if (value.is_string()) figures.push_back({{"type", name}, {"value", value}});
  const Json card = {
      {"bomFormat", "CycloneDX"},
      {"specVersion", "1.6"},
      {"version", 1},
      {"components",
       Json::array(
           {{{"type", "machine-learning-model"},
             {"name", m.model_id},
             {"version", m.version},
             {"licenses", Json::array({{{"license", {{"name", m.license}}}}})},
             {"modelCard",
              {{"modelParameters",
                {{"task", segments ? "clustering" : "classification"},
                 {"architectureFamily", segments ? "k-means" : "multilayer perceptron"},
                 {"approach", {{"type", segments ? "unsupervised" : "supervised"}}}}},
               {"quantitativeAnalysis", {{"performanceMetrics", figures}}},
               {"considerations",
                {{"useCases", Json::array({m.intended_use})},
                 {"technicalLimitations",
                  Json::array({absl::StrFormat(
                      "Trained with (%s, %s)-differential privacy per %s: small groups are learnt "
                      "less well than large ones.",
                      TextOf(privacy, "epsilon"), TextOf(privacy, "delta"),
                      TextOf(privacy, "unit"))})}}}}}}})}};
  return card.dump() + "\n";
}

// in-toto statement v1 with SLSA provenance v1.
std::string ProvenanceJson(const ReleaseInput& input, std::string_view model_sha256) {
  const Manifest& m = input.facts;
  Json dependencies = Json::array();
  for (const std::string& parent : m.parents)
    dependencies.push_back({{"name", "parent"}, {"digest", {{"sha256", parent}}}});
  const Json statement = {
      {"_type", tlog::kInTotoStatementType},
      {"subject", Json::array({{{"name", "model.safetensors"},
                                {"digest", {{"sha256", std::string(model_sha256)}}}}})},
      {"predicateType", "https://slsa.dev/provenance/v1"},
      {"predicate",
       {{"buildDefinition",
         {{"buildType", absl::StrFormat("https://%s/build/veilsum-training/v1", m.federation_id)},
          {"externalParameters", {{"plan_sha256", HexEncode(model::PlanSha256(input.plan))}}},
          {"resolvedDependencies", dependencies}}},
        {"runDetails",
         {{"builder", {{"id", input.builder}}}, {"metadata", {{"invocationId", m.run_id}}}}}}}};
  return statement.dump() + "\n";
}

}  // namespace veilsum::release
