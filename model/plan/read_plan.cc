// The order of the sections; each section's keys, bounds and defaults are in sections/, and the
// table of them all is in docs/formats.md.
#include "model/plan/read_plan.h"

#include "model/plan/names.h"
#include "model/plan/sections/aggregation_rounds.h"
#include "model/plan/sections/agreement.h"
#include "model/plan/sections/columns.h"
#include "model/plan/sections/customers.h"
#include "model/plan/sections/evaluation.h"
#include "model/plan/sections/features.h"
#include "model/plan/sections/label.h"
#include "model/plan/sections/privacy.h"
#include "model/plan/sections/q_learning.h"
#include "model/plan/sections/training.h"

namespace veilsum::model {
namespace {

std::uint64_t ReadOne(Fields& plan, const char* section, const char* key, std::uint64_t high,
                      std::uint64_t otherwise) {
  if (!plan.Has(section)) return otherwise;
  Fields fields = plan.Section(section);
  const std::uint64_t value = fields.Int(key, 0, high, otherwise);
  fields.Done();
  return value;
}

}  // namespace

Plan ReadPlan(const Json& document, FieldErrors& errors) {
  Fields fields(document, "", errors);
  Plan plan;
  plan.name = Name(fields, "name");
  plan.task = static_cast<Task>(fields.Choice("task", kTaskNames));
  plan.unit = ReadUnit(fields.Section("unit"));
  plan.holdout = ReadHoldout(fields.Section("holdout"));
  plan.tables = ReadTables(fields, plan.unit);
  plan.features = ReadFeatures(fields, plan.tables);
  const bool segments = plan.task == Task::kSegments;
  plan.label = segments ? ReadSegments(fields, plan.tables)
                        : ReadLabel(fields.Section("label"), plan.tables, plan.task);
  plan.heads = ReadHeads(fields, plan.tables, plan.features, plan.label);
  plan.q_learning = ReadQLearning(fields, plan.task, plan.label);
  if (!segments) plan.network = ReadNetwork(fields.Section("model"));
  plan.training = ReadTraining(fields.Section("training"));
  plan.nonprivate = ReadNonPrivate(fields);
  plan.privacy = ReadPrivacy(fields.Section("privacy"));
  plan.statistics = ReadStatistics(fields, plan.privacy);
  plan.evaluation = ReadEvaluation(fields, plan.tables);
  plan.cohorts = ReadCohorts(fields);
  if (fields.Has("aggregation"))
    plan.aggregation = ReadAggregation(fields.Section("aggregation"), plan.cohorts.has_value());
  if (fields.Has("rounds")) plan.rounds = ReadRounds(fields.Section("rounds"));
  plan.pools = ReadPools(fields);
  plan.minimum_customers =
      ReadOne(fields, "population", "minimum_customers", 1'000'000'000, plan.minimum_customers);
  plan.max_bad_rows = ReadOne(fields, "data", "max_bad_rows", 1'000'000'000, plan.max_bad_rows);
  CheckAgreement(plan, fields);
  fields.Done();
  return plan;
}

}  // namespace veilsum::model
