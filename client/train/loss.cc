#include "client/train/loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace veilsum::client {
namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

// log(sum of e^z); the largest is taken out first.
double LogSumExp(const float* z, std::size_t count) {
  double largest = z[0], sum = 0;
  for (std::size_t i = 1; i < count; ++i) largest = std::max<double>(largest, z[i]);
  for (std::size_t i = 0; i < count; ++i) sum += std::exp(static_cast<double>(z[i]) - largest);
  return largest + std::log(sum);
}

void SoftmaxDelta(const model::Head& head, const float* z, float label, float* delta) {
  const bool known =
      label >= 0 && label < static_cast<float>(head.outputs) && label == std::floor(label);
  const double log_sum = LogSumExp(z, head.outputs);
  const double total = known ? log_sum : kNotANumber;
  for (std::size_t i = 0; i < head.outputs; ++i) {
    const double target = static_cast<float>(i) == label ? 1 : 0;
    delta[i] =
        static_cast<float>(head.weight * (std::exp(static_cast<double>(z[i]) - total) - target));
  }
}

void SetDelta(const model::Head& head, const float* logits, float label, float* delta) {
  const double z = logits[0], y = label;
  switch (head.loss) {
    case model::Loss::kSoftmax:
      return SoftmaxDelta(head, logits, label, delta);
    case model::Loss::kLogistic:  // of log(1 + e^z) - y z
      delta[0] = static_cast<float>(head.weight * (1 / (1 + std::exp(-z)) - y));
      return;
    case model::Loss::kSquared:
      delta[0] = static_cast<float>(head.weight * (z - y));
      return;
    case model::Loss::kHuber: {
      const double error = z - y;  // a NaN stays
      const double clipped = error < -head.huber ? -head.huber : std::min(head.huber, error);
      delta[0] = static_cast<float>(head.weight * (std::isnan(error) ? error : clipped));
      return;
    }
  }
}

}  // namespace

absl::Status CheckHeads(const model::Heads& heads, std::size_t outputs) {
  std::size_t sum = 0;
  for (const model::Head& head : heads) {
    const bool many = head.loss == model::Loss::kSoftmax;
    if (many ? head.outputs < 2 : head.outputs != 1)
      return InvalidArgument("a head has %d outputs, must have %s", head.outputs,
                             many ? "at least 2" : "1");
    if (!std::isfinite(head.weight) || !(head.weight > 0) || !(head.huber > 0))
      return InvalidArgument("a head has weight %g and Huber threshold %g, must be positive",
                             head.weight, head.huber);
    sum += head.outputs;
  }
  if (heads.empty() || sum != outputs)
    return InvalidArgument("the heads have %d outputs, the model %d", sum, outputs);
  return absl::OkStatus();
}

void HeadDelta(const model::Head& head, const float* logits, float label, float* delta) {
  // A missing label takes the same steps as any other, so that no time tells of it.
  const bool missing = std::isnan(label);
  SetDelta(head, logits, missing ? 0 : label, delta);
  for (std::size_t i = 0; i < head.outputs; ++i) delta[i] = missing ? 0 : delta[i];
}

double HeadLoss(const model::Head& head, const float* logits, float label) {
  if (std::isnan(label)) return 0;
  const double z = logits[0], y = label;
  switch (head.loss) {
    case model::Loss::kSoftmax:
      return head.weight * (LogSumExp(logits, head.outputs) -
                            static_cast<double>(logits[static_cast<std::size_t>(label)]));
    case model::Loss::kLogistic:
      return head.weight * (std::log1p(std::exp(-std::abs(z))) + std::max(z, 0.0) - y * z);
    case model::Loss::kSquared:
      return head.weight * (z - y) * (z - y) / 2;
    case model::Loss::kHuber: {
      const double error = std::abs(z - y);
      return head.weight *
             (error <= head.huber ? error * error / 2 : head.huber * (error - head.huber / 2));
    }
  }
  return 0;
}

}  // namespace veilsum::client
