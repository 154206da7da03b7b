#include "client/train/loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace veilsum::client {
namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

bool Known(const model::Head& head, float label) {
  return label >= 0 && label < static_cast<float>(head.outputs) && label == std::floor(label);
}

// How often an output is in a row's softmax.
double CountOf(std::size_t i, float label, const float* counts) {
  return counts == nullptr || static_cast<float>(i) == label ? 1 : static_cast<double>(counts[i]);
}

// log(sum of count e^z); the largest is taken out first.
double LogSumExp(const float* z, std::size_t outputs, float label, const float* counts) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (std::size_t i = 0; i < outputs; ++i)
    if (CountOf(i, label, counts) > 0) largest = std::max<double>(largest, z[i]);
  for (std::size_t i = 0; i < outputs; ++i) {
    const double count = CountOf(i, label, counts);
    const double term = count * std::exp(static_cast<double>(z[i]) - largest);
    sum += count > 0 ? term : 0;
  }
  return largest + std::log(sum);
}

void SoftmaxDelta(const model::Head& head, const float* z, float label, const float* counts,
                  float* delta) {
  const double log_sum = LogSumExp(z, head.outputs, label, counts);
  const double total = Known(head, label) ? log_sum : kNotANumber;
  for (std::size_t i = 0; i < head.outputs; ++i) {
    const double target = static_cast<float>(i) == label ? 1 : 0;
    const double count = CountOf(i, label, counts);
    const double e = count * std::exp(static_cast<double>(z[i]) - total);
    delta[i] = static_cast<float>(head.weight * ((count > 0 ? e : 0) - target));
  }
}

double HuberDelta(const model::Head& head, double error) {  // a NaN stays
  const double clipped = error < -head.huber ? -head.huber : std::min(head.huber, error);
  return std::isnan(error) ? error : clipped;
}

void SetDelta(const model::Head& head, const float* logits, float label, const float* counts,
              float* delta) {
  const double z = logits[0], y = label;
  switch (head.loss) {
    case model::Loss::kSoftmax:
      return SoftmaxDelta(head, logits, label, counts, delta);
    case model::Loss::kLogistic:  // of log(1 + e^z) - y z
      delta[0] = static_cast<float>(head.weight * (1 / (1 + std::exp(-z)) - y));
      return;
    case model::Loss::kSquared:
      delta[0] = static_cast<float>(head.weight * (z - y));
      return;
    case model::Loss::kHuber:
      delta[0] = static_cast<float>(head.weight * HuberDelta(head, z - y));
      return;
    case model::Loss::kTemporal:  // needs more than a label
    case model::Loss::kCentres:   // needs the inputs
      std::fill_n(delta, head.outputs, static_cast<float>(kNotANumber));
      return;
  }
}

}  // namespace

absl::Status CheckHeads(const model::Heads& heads, std::size_t outputs) {
  std::size_t sum = 0;
  for (const model::Head& head : heads) {
    if (head.loss == model::Loss::kCentres)
      return InvalidArgument("centres are no head of an engine of layers");
    const bool temporal = head.loss == model::Loss::kTemporal;
    const bool many = temporal || head.loss == model::Loss::kSoftmax;
    if (many ? head.outputs < 2 : head.outputs != 1)
      return InvalidArgument("a head has %d outputs, must have %s", head.outputs,
                             many ? "at least 2" : "1");
    if (!std::isfinite(head.weight) || !(head.weight > 0) || !(head.huber > 0))
      return InvalidArgument("a head has weight %g and Huber threshold %g, must be positive",
                             head.weight, head.huber);
    if (head.negatives != 0 && (&head != &heads.front() || head.loss != model::Loss::kSoftmax ||
                                head.negatives >= head.outputs))
      return InvalidArgument(
          "a head has %d sampled negatives: they are for a first softmax head of more outputs",
          head.negatives);
    if (temporal &&
        (heads.size() != 1 || !(head.discount >= 0 && head.discount < 1) || head.target_every == 0))
      return InvalidArgument(
          "a head of action values must be the only one, with a discount from 0 to below 1 and new "
          "targets after at least one sum");
    sum += head.outputs;
  }
  if (heads.empty() || sum != outputs)
    return InvalidArgument("the heads have %d outputs, the model %d", sum, outputs);
  return absl::OkStatus();
}

void HeadDelta(const model::Head& head, const float* logits, float label, float* delta,
               const float* counts) {
  // A missing label takes the same steps as any other, so that no time tells of it.
  const bool missing = std::isnan(label);
  SetDelta(head, logits, missing ? 0 : label, counts, delta);
  for (std::size_t i = 0; i < head.outputs; ++i) delta[i] = missing ? 0 : delta[i];
}

double HeadLoss(const model::Head& head, const float* logits, float label, const float* counts) {
  if (std::isnan(label)) return 0;
  const double z = logits[0], y = label;
  switch (head.loss) {
    case model::Loss::kSoftmax:
      return head.weight * (LogSumExp(logits, head.outputs, label, counts) -
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
    case model::Loss::kTemporal:
    case model::Loss::kCentres:
      break;
  }
  return 0;
}

void ActionDelta(const model::Head& head, const float* values, float action, double target,
                 float* delta) {
  const bool known = Known(head, action) && std::isfinite(target);
  for (std::size_t i = 0; i < head.outputs; ++i) {
    const double error = known ? static_cast<double>(values[i]) - target : kNotANumber;
    const double mine = head.weight * HuberDelta(head, error);
    delta[i] = static_cast<float>(!known || static_cast<float>(i) == action ? mine : 0);
  }
}

double BestValue(const float* values, std::size_t count) {
  double best = -std::numeric_limits<double>::infinity();
  bool finite = true;
  for (std::size_t i = 0; i < count; ++i) {
    finite = finite && std::isfinite(values[i]);
    best = std::max<double>(best, values[i]);
  }
  return finite ? best : kNotANumber;
}

}  // namespace veilsum::client
