#include "model/plan/sections/features.h"

#include <tuple>

#include "model/plan/names.h"
#include "model/plan/sections/columns.h"

namespace veilsum::model {
namespace {

constexpr std::size_t kMaxFeatures = 1024;

// Of a table of events a numeric feature says how they become one number.
void ReadNumeric(Fields& fields, bool events, Feature& feature) {
  std::tie(feature.lo, feature.hi) = ReadBounds(fields);
  feature.log = fields.Flag("log", false);
  if (!events) return;
  feature.aggregate = static_cast<Aggregate>(1 + fields.Choice("aggregate", kAggregateNames));
  feature.window_days = static_cast<std::uint32_t>(fields.Int("window_days", 1, 36'500, 0));
}

// How a list of ids enters the model.
void ReadBag(Fields& fields, Feature& feature) {
  feature.buckets = static_cast<std::uint32_t>(fields.Int("buckets", 2, 1u << 20));
  feature.width = static_cast<std::uint32_t>(fields.Int("width", 0, 1024, 0));
  feature.direct = fields.Flag("direct", false);
  if (feature.width == 0 && !feature.direct)
    fields.Refuse("width", "must be at least 1 where direct is not true");
}

// What is made of the order of the events.
void ReadEncoder(Fields& fields, Feature& feature) {
  feature.encoder = static_cast<Encoder>(fields.Choice("encoder", kEncoderNames));
  feature.channels = static_cast<std::uint32_t>(fields.Int("channels", 1, 256));
  if (feature.encoder == Encoder::kConvolution)
    feature.kernel = static_cast<std::uint32_t>(fields.Int("kernel", 1, 16));
  if (feature.kernel > feature.last)
    fields.Refuse("kernel", absl::StrFormat("must be at most last = %d", feature.last));
  if (feature.width == 0 || feature.width > 64)
    fields.Refuse("width", "must be from 1 to 64 with an encoder");
  const std::uint32_t most = feature.encoder == Encoder::kConvolution ? 64 : 32;
  if (feature.last > most)
    fields.Refuse("last", absl::StrFormat("must be at most %d with this encoder", most));
}

void ReadText(Fields& fields, Feature& feature) {
  ReadBag(fields, feature);
  feature.ngrams = static_cast<std::uint32_t>(fields.Int("ngrams", 1, 3));
  feature.max_terms = static_cast<std::uint32_t>(fields.Int("max_terms", 1, 4096, 256));
  if (fields.Has("more_columns")) feature.more_columns = fields.Texts("more_columns", 0, 16);
}

Feature ReadFeature(Fields& fields, const std::vector<Table>& tables) {
  Feature feature;
  std::tie(feature.table, feature.column) = ReadColumn(fields, tables);
  bool events = false;
  for (const Table& table : tables) events |= table.name == feature.table && table.is_events();
  feature.kind = static_cast<FeatureKind>(fields.Choice("kind", kFeatureKindNames));
  const bool of_events = feature.kind == FeatureKind::kEvents;
  if (feature.table != "?" &&
      (of_events ? !events : events && feature.kind != FeatureKind::kNumeric))
    fields.Refuse("kind", events ? "must be numeric or events in a table with a time"
                                 : "is events, but the table has no time");
  if (feature.kind == FeatureKind::kNumeric) ReadNumeric(fields, events, feature);
  if (feature.kind == FeatureKind::kText) ReadText(fields, feature);
  if (of_events) {
    ReadBag(fields, feature);
    feature.last = static_cast<std::uint32_t>(fields.Int("last", 1, 1024));
    if (fields.Has("encoder")) ReadEncoder(fields, feature);
  }
  if (feature.kind == FeatureKind::kCategorical)
    feature.buckets = static_cast<std::uint32_t>(fields.Int("buckets", 2, 1u << 20));
  fields.Done();
  return feature;
}

}  // namespace

std::vector<Feature> ReadFeatures(Fields& plan, const std::vector<Table>& tables) {
  std::vector<Feature> features;
  std::size_t inputs = 0;
  for (Fields& fields : plan.List("feature", 1, kMaxFeatures)) {
    features.push_back(ReadFeature(fields, tables));
    inputs += std::max<std::size_t>(1, features.back().buckets) *
              std::max<std::size_t>(1, features.back().width);
    for (std::size_t i = 0; i + 1 < features.size(); ++i)
      if (features[i].table == features.back().table &&
          features[i].column == features.back().column &&
          features[i].aggregate == features.back().aggregate &&
          features[i].window_days == features.back().window_days)
        fields.Refuse("column", absl::StrFormat("\"%s.%s\" is given twice", features[i].table,
                                                features[i].column));
  }
  if (inputs > kMaxPlanInputs)
    plan.Refuse("feature",
                absl::StrFormat("makes %d inputs, at most %d are allowed", inputs, kMaxPlanInputs));
  return features;
}

}  // namespace veilsum::model
