#include "model/plan/sections/agreement.h"

namespace veilsum::model {
namespace {

// A direct list has a weight for each bucket and output.
void CheckDirectLists(const Plan& plan, Fields& fields) {
  std::size_t weights = 0;
  for (const Feature& feature : plan.features)
    if (feature.direct) weights += feature.buckets * plan.model_outputs();
  if (weights > kMaxPlanInputs)
    fields.Refuse("feature", absl::StrFormat("makes %d direct weights, at most %d are allowed",
                                             weights, kMaxPlanInputs));
}

// The section that names the customers' table.
const char* LabelSection(const Plan& plan) {
  return plan.task == Task::kSegments ? "segments" : "label";
}

// The label's table says who is a customer, so its id is the unit's.
void CheckUnitOfLabel(const Plan& plan, Fields& fields) {
  for (const Table& table : plan.tables)
    if (table.name == plan.label.table && table.join != plan.unit.column)
      fields.Refuse(LabelSection(plan),
                    absl::StrFormat(
                        "is in the table %s, whose join is \"%s\" and must be unit.column, \"%s\"",
                        table.name, table.join, plan.unit.column));
}

// Point in time: with events there must be a moment that they are earlier than.
void CheckTimes(const Plan& plan, Fields& fields) {
  for (const Table& table : plan.tables) {
    if (!table.is_events()) continue;
    if (table.name == plan.label.table)
      fields.Refuse(LabelSection(plan),
                    absl::StrFormat("is in %s, which is a table of events", table.name));
    if (plan.label.time.empty())
      fields.Refuse(LabelSection(plan),
                    absl::StrFormat("must have a time: %s is a table of events, and only "
                                    "earlier ones may be seen",
                                    table.name));
  }
}

// Statistics and histograms of scores bound what one customer adds, not what a merchant does.
void CheckMerchantMode(const Plan& plan, Fields& fields) {
  if (plan.training.mode != Mode::kMerchant) return;
  if (plan.has_statistics())
    fields.Refuse("privacy", "must have statistics_share 0 in merchant mode (DP-20)");
  if (plan.evaluation) fields.Refuse("evaluation", "must be left out in merchant mode (DP-20)");
}

}  // namespace

void CheckAgreement(const Plan& plan, Fields& fields) {
  CheckDirectLists(plan, fields);
  CheckUnitOfLabel(plan, fields);
  CheckTimes(plan, fields);
  CheckMerchantMode(plan, fields);
}

}  // namespace veilsum::model
