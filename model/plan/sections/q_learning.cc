#include "model/plan/sections/q_learning.h"

#include <tuple>

#include "model/plan/sections/columns.h"

namespace veilsum::model {

std::optional<QLearning> ReadQLearning(Fields& plan, Task task, const Label& label) {
  if (task != Task::kQLearning) return std::nullopt;
  Fields fields = plan.Section("q_learning");
  QLearning q;
  q.reward = fields.Text("reward");
  if (q.reward == label.column) fields.Refuse("reward", "is the label");
  q.propensity = fields.Has("propensity") ? fields.Text("propensity") : "";
  if (q.propensity == label.column || q.propensity == q.reward)
    fields.Refuse("propensity", "is the label or the reward");
  std::tie(q.lo, q.hi) = ReadBounds(fields);
  q.discount = fields.Real("discount", {Exactly(0), Exactly(1), false, true}, q.discount);
  q.huber = fields.Real("huber", {Exactly(0), Exactly(1000), true, false}, q.huber);
  q.target_every =
      static_cast<std::uint32_t>(fields.Int("target_every", 1, kMaxPlanSteps, q.target_every));
  if (q.discount != Exactly(0) && label.time.empty())
    plan.Refuse("label", "must have a time: with a discount, decisions have an order");
  fields.Done();
  return q;
}

}  // namespace veilsum::model
