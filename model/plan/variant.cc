#include "model/plan/variant.h"

#include <algorithm>

#include "model/plan/plan_format.h"

namespace veilsum::model {
namespace {

absl::Status SetDecimal(std::string_view field, const std::string& text, Rational& target) {
  const absl::StatusOr<Rational> value = Rational::Parse(text);
  if (!value.ok() || text.find('/') != std::string::npos)
    return InvalidArgument("%s is \"%s\", must be a decimal such as \"0.5\"", field, text);
  target = *value;
  return absl::OkStatus();
}

}  // namespace

std::uint64_t AttemptsFor(std::uint64_t steps, std::uint64_t key_batch) {
  return std::max((16 * steps + 14) / 15, steps + key_batch);
}

Plan WithoutPrivacy(Plan plan) {
  if (!plan.is_private()) return plan;
  plan.privacy.mechanism = Mechanism::kNone;
  plan.training.averaging.reset();  // it pays under noise only
  plan.training.bands = 1;          // as do bands
  // The section's numbers are for steps of all together, not for a merchant's own.
  if (plan.nonprivate && plan.training.mode == Mode::kDistributed) {
    // A larger clip norm needs as many bits less of scale, or the sums would leave the ring
    // (DP-10).
    for (double growth = plan.nonprivate->clip_norm.ToDouble() / plan.training.clip_norm.ToDouble();
         growth > 1 && plan.aggregation.scale_log2 > 0; growth /= 2)
      --plan.aggregation.scale_log2;
    plan.training.clip_norm = plan.nonprivate->clip_norm;
    plan.training.learning_rate = plan.nonprivate->learning_rate;
    plan.training.steps = plan.nonprivate->steps;
    plan.training.attempts_max = AttemptsFor(plan.training.steps, plan.aggregation.key_batch);
  }
  return plan;
}

absl::StatusOr<Plan> WithOverrides(Plan plan, const Overrides& overrides) {
  if (overrides.epsilon == "inf") {
    plan = WithoutPrivacy(std::move(plan));
  } else if (overrides.epsilon) {
    VEILSUM_RETURN_IF_ERROR(
        SetDecimal("privacy.epsilon", *overrides.epsilon, plan.privacy.epsilon));
  }
  if (overrides.delta)
    VEILSUM_RETURN_IF_ERROR(SetDecimal("privacy.delta", *overrides.delta, plan.privacy.delta));
  if (overrides.rounds) {
    plan.training.steps = std::min<std::uint64_t>(*overrides.rounds, 1ULL << 40);
    plan.training.attempts_max = AttemptsFor(plan.training.steps, plan.aggregation.key_batch);
  }
  if (overrides.min_survivors) plan.aggregation.min_survivors = *overrides.min_survivors;
  return PlanFromJson(PlanToJson(plan));  // the schema's bounds, once more
}

}  // namespace veilsum::model
