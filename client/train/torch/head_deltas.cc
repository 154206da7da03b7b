#include "client/train/torch/head_deltas.h"

#include <cmath>
#include <limits>

namespace veilsum::client::torch_engine {
namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

// rows x outputs: which output the label is.
at::Tensor Chosen(const at::Tensor& z, const at::Tensor& label) {
  return at::arange(z.size(1), z.options()).unsqueeze(0) == label;
}

at::Tensor SoftmaxDelta(const at::Tensor& z, const at::Tensor& label, const at::Tensor& counts) {
  const at::Tensor chosen = Chosen(z, label);
  at::Tensor weighted = z;
  if (counts.defined()) {
    const at::Tensor in_it = counts.to(at::kDouble).masked_fill(chosen, 1);
    weighted = (z + in_it.log()).masked_fill(in_it == 0, -std::numeric_limits<double>::infinity());
  }
  const at::Tensor delta = at::softmax(weighted, 1) - chosen.to(at::kDouble);
  return delta.masked_fill(chosen.any(1, true).logical_not(), kNotANumber);
}

at::Tensor HuberDelta(const Head& head, const at::Tensor& error) {
  return error.clamp(-head.huber, head.huber);  // keeps a NaN
}

at::Tensor ActionDelta(const Head& head, const at::Tensor& z, const at::Tensor& action,
                       const at::Tensor& targets) {
  const at::Tensor chosen = Chosen(z, action);
  const at::Tensor known = chosen.any(1, true).logical_and(targets.isfinite());
  const at::Tensor delta = HuberDelta(head, z - targets).masked_fill(chosen.logical_not(), 0);
  return delta.masked_fill(known.logical_not(), kNotANumber);
}

at::Tensor Delta(const Head& head, const at::Tensor& z, const at::Tensor& label,
                 const at::Tensor& counts) {
  if (head.loss == Loss::kSoftmax) return SoftmaxDelta(z, label, counts);
  if (head.loss == Loss::kLogistic) return z.sigmoid() - label;
  return head.loss == Loss::kSquared ? z - label : HuberDelta(head, z - label);
}

at::Tensor HeadDelta(const Head& head, const at::Tensor& z, const at::Tensor& label,
                     const at::Tensor& counts, const at::Tensor& targets) {
  if (head.loss == Loss::kTemporal) return ActionDelta(head, z, label, targets) * head.weight;
  const at::Tensor missing = label.isnan();
  const at::Tensor delta = Delta(head, z, label.masked_fill(missing, 0), counts);
  return (delta * head.weight).masked_fill(missing, 0);
}

}  // namespace

at::Tensor HeadDeltas(const std::vector<Head>& heads, const at::Tensor& logits,
                      const Terms& terms) {
  std::vector<at::Tensor> deltas;
  std::int64_t at = 0;
  for (std::size_t h = 0; h < heads.size(); ++h) {
    const auto outputs = static_cast<std::int64_t>(heads[h].outputs);
    const at::Tensor z = logits.narrow(1, at, outputs).to(at::kDouble);
    const at::Tensor label =
        terms.labels.narrow(1, static_cast<std::int64_t>(h), 1).to(at::kDouble);
    const at::Tensor counts = h == 0 ? terms.counts : at::Tensor();
    deltas.push_back(HeadDelta(heads[h], z, label, counts, terms.targets).to(at::kFloat));
    at += outputs;
  }
  return at::cat(deltas, 1);
}

at::Tensor BestValues(const at::Tensor& values) {
  const at::Tensor best = values.to(at::kDouble).amax(1, true);
  return best.masked_fill(values.isfinite().all(1, true).logical_not(), kNotANumber);
}

}  // namespace veilsum::client::torch_engine
