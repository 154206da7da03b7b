// Plans made from plans: what the command line's --epsilon, --delta, --rounds and --min-survivors
// change. The result is another plan with another name (hash), never the old plan with an
// exception.
#pragma once

#include "model/plan/plan.h"

namespace veilsum::model {

struct Overrides {
  std::optional<std::string> epsilon;  // a decimal, or "inf": no noise (SE-12)
  std::optional<std::string> delta;
  std::optional<std::uint64_t> rounds;  // steps; attempts_max follows by AttemptsFor
  std::optional<std::uint32_t> min_survivors;
};

// Attempts to pay for, when `steps` published rounds are wanted: one in sixteen may fail, and one
// key batch may be lost to a crash: max(ceil(16 steps / 15), steps + key_batch).
std::uint64_t AttemptsFor(std::uint64_t steps, std::uint64_t key_batch);

// Mechanism none, with clip norm, steps and learning rate of [nonprivate] where the plan has that
// section. Clipping, masks and the statistics round stay. Idempotent.
Plan WithoutPrivacy(Plan plan);

// Applies `overrides`, epsilon first. InvalidArgument naming the field and its bound, as in a plan
// file.
absl::StatusOr<Plan> WithOverrides(Plan plan, const Overrides& overrides);

}  // namespace veilsum::model
