#include "client/serve/feature_name.h"

#include "base/status.h"

namespace veilsum::client {
namespace {

const char* NameOfAggregate(model::Aggregate aggregate) {
  switch (aggregate) {
    case model::Aggregate::kNone:
      break;
    case model::Aggregate::kCount:
      return " count";
    case model::Aggregate::kSum:
      return " sum";
    case model::Aggregate::kMean:
      return " mean";
    case model::Aggregate::kMax:
      return " max";
    case model::Aggregate::kLast:
      return " last";
    case model::Aggregate::kRecency:
      return " recency";
  }
  return "";
}

}  // namespace

std::string FeatureName(const model::Feature& feature) {
  std::string out = feature.table + "." + feature.column + NameOfAggregate(feature.aggregate);
  if (feature.window_days > 0) out += absl::StrFormat(" of %d days", feature.window_days);
  return out;
}

}  // namespace veilsum::client
