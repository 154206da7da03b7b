#include "dp/mechanism/moved_model.h"

#include <cmath>

namespace veilsum::dp {

absl::Status MovedModel::Step(std::span<const std::int64_t> sum) {
  if (sum.size() != model_.size())
    return InvalidArgument("sum has %d numbers, must have %d", sum.size(), model_.size());
  if (!std::isfinite(sgd_.step_size) || !std::isfinite(sgd_.learning_rate))
    return InvalidArgument("step_size is %g, learning_rate %g, both must be finite", sgd_.step_size,
                           sgd_.learning_rate);
  std::vector<double> pull(sgd_.penalty.any() ? model_.size() : 0);
  if (!pull.empty()) AddGradient(sgd_.penalty, model_, start_, pull);
  for (std::size_t i = 0; i < model_.size(); ++i)
    model_[i] -= static_cast<float>(sgd_.step_size * static_cast<double>(sum[i]));
  for (std::size_t i = 0; i < pull.size(); ++i)
    model_[i] -= static_cast<float>(sgd_.learning_rate * pull[i]);
  return absl::OkStatus();
}

}  // namespace veilsum::dp
