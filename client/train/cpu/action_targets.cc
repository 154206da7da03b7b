#include "client/train/cpu/action_targets.h"

namespace veilsum::client::cpu {

const model::ModelVector& ActionTargets::Start(const model::ModelVector& model,
                                               std::size_t places) {
  if (target_.empty() || (sums_ != 0 && sums_ % head_.target_every == 0)) target_ = model;
  best_.assign(places, 0);
  ++sums_;
  return target_;
}

double ActionTargets::Of(const BatchRows& rows, std::size_t first_place, std::size_t at) const {
  const bool more = rows.live(at) && at % max_rows_ + 1 < max_rows_ && rows.live(at + 1);
  const double next = more ? best_[first_place + at + 1] : 0;
  return static_cast<double>(rows.Reward(at)) + head_.discount * next;
}

}  // namespace veilsum::client::cpu
