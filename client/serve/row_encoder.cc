#include "client/serve/row_encoder.h"

#include "client/data/feature_encoder.h"
#include "client/data/ngrams.h"

namespace veilsum::client {

using model::FeatureKind;

absl::StatusOr<RowEncoder> RowEncoder::Create(const model::Plan& plan) {
  RowEncoder out;
  const std::vector<FeaturePlace> places = FeaturePlaces(plan);
  for (std::size_t i = 0; i < plan.features.size(); ++i) {
    const model::Feature& feature = plan.features[i];
    if (feature.kind == FeatureKind::kEvents || feature.aggregate != model::Aggregate::kNone)
      return FailedPrecondition(
          "%s.%s is made of many events: give the folder with the merchant's tables instead of "
          "flat rows",
          feature.table, feature.column);
    out.sources_.push_back({feature, out.wanted_.size(), places[i].first_input});
    out.wanted_.push_back({feature.table, feature.column});
    for (const std::string& more : feature.more_columns)
      out.wanted_.push_back({feature.table, more});
  }
  return out;
}

model::Examples RowEncoder::Empty() const {
  model::Examples out;
  for (const Source& source : sources_) {
    const model::Feature& feature = source.feature;
    out.numeric += feature.kind == FeatureKind::kNumeric;
    out.categorical += feature.kind == FeatureKind::kCategorical;
    if (feature.is_list()) out.lists.push_back({feature.buckets, feature.slots(), {}, {}});
  }
  return out;
}

absl::Status RowEncoder::Append(const FlatRow& row, const std::string& name,
                                model::Examples& to) const {
  std::size_t list = 0;
  for (const Source& source : sources_) {
    const model::Feature& feature = source.feature;
    const std::string& value = row.values[source.first_value];
    if (feature.kind == FeatureKind::kNumeric) {
      const absl::StatusOr<double> number = ParseNumber(value);
      if (!number.ok())
        return InvalidArgument("%s:%d: column %s: %s", name, row.line, feature.column,
                               std::string(number.status().message()));
      to.numeric_values.push_back(EncodeNumeric(feature, *number));
    } else if (feature.kind == FeatureKind::kCategorical) {
      to.active_inputs.push_back(static_cast<std::uint32_t>(source.first_input) +
                                 EncodeCategorical(feature, value));
    } else {
      const std::vector<std::string_view> texts(
          row.values.begin() + static_cast<std::ptrdiff_t>(source.first_value),
          row.values.begin() +
              static_cast<std::ptrdiff_t>(source.first_value + 1 + feature.more_columns.size()));
      AppendText(feature, texts, to.lists[list++]);
    }
  }
  to.labels.push_back(0);
  to.first_row.push_back(static_cast<std::uint32_t>(to.rows()));
  to.customer_ids.push_back(row.id);
  return absl::OkStatus();
}

}  // namespace veilsum::client
