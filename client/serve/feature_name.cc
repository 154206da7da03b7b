#include "client/serve/feature_name.h"

#include "base/status.h"
#include "model/plan/names.h"

namespace veilsum::client {

std::string FeatureName(const model::Feature& feature) {
  std::string out = feature.table + "." + feature.column;
  if (feature.aggregate != model::Aggregate::kNone)
    out += std::string(" ") + NameOf(feature.aggregate);
  if (feature.window_days > 0) out += absl::StrFormat(" of %d days", feature.window_days);
  return out;
}

}  // namespace veilsum::client
