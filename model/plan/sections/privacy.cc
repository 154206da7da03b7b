#include "model/plan/sections/privacy.h"

#include "model/plan/names.h"

namespace veilsum::model {

Privacy ReadPrivacy(Fields fields) {
  Privacy privacy;
  privacy.mechanism = static_cast<Mechanism>(fields.Choice("mechanism", kMechanismNames, 0));
  privacy.epsilon = fields.Real("epsilon", {Exactly(0), Exactly(1000), true, false});
  privacy.delta = fields.Real("delta", {Exactly(0), Exactly(1, 100), true, false});
  privacy.accountant = static_cast<AccountantKind>(fields.Choice("accountant", kAccountantNames));
  privacy.statistics_share =
      fields.Real("statistics_share", {Exactly(0), Exactly(1), false, true}, Exactly(0));
  fields.Done();
  return privacy;
}

Statistics ReadStatistics(Fields& plan, const Privacy& privacy) {
  Statistics statistics;
  if (!plan.Has("statistics")) return statistics;
  Fields fields = plan.Section("statistics");
  statistics.kind = static_cast<StatisticsKind>(fields.Choice("kind", kStatisticsKindNames));
  if (statistics.kind == StatisticsKind::kQuantiles)
    statistics.bins = static_cast<std::uint32_t>(fields.Int("bins", 4, 4096));
  if (privacy.statistics_share == Exactly(0))
    fields.Refuse("kind", "is given, but privacy.statistics_share is 0");
  fields.Done();
  return statistics;
}

}  // namespace veilsum::model
