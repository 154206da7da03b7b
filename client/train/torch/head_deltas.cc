#include "client/train/torch/head_deltas.h"

#include <cmath>
#include <limits>

namespace veilsum::client::torch_engine {
namespace {

at::Tensor SoftmaxDelta(const at::Tensor& z, const at::Tensor& label, const at::Tensor& counts) {
  const at::Tensor chosen = at::arange(z.size(1), z.options()).unsqueeze(0) == label;
  at::Tensor weighted = z;
  if (counts.defined()) {
    const at::Tensor in_it = counts.to(at::kDouble).masked_fill(chosen, 1);
    weighted = (z + in_it.log()).masked_fill(in_it == 0, -std::numeric_limits<double>::infinity());
  }
  const at::Tensor delta = at::softmax(weighted, 1) - chosen.to(at::kDouble);
  return delta.masked_fill(chosen.any(1, true).logical_not(),
                           std::numeric_limits<double>::quiet_NaN());
}

at::Tensor Delta(const Head& head, const at::Tensor& z, const at::Tensor& label,
                 const at::Tensor& counts) {
  switch (head.loss) {
    case Loss::kSoftmax:
      return SoftmaxDelta(z, label, counts);
    case Loss::kLogistic:
      return z.sigmoid() - label;
    case Loss::kSquared:
      return z - label;
    case Loss::kHuber:
      break;
  }
  return (z - label).clamp(-head.huber, head.huber);  // keeps a NaN
}

}  // namespace

at::Tensor HeadDeltas(const std::vector<Head>& heads, const at::Tensor& logits,
                      const at::Tensor& labels, const at::Tensor& counts) {
  std::vector<at::Tensor> deltas;
  std::int64_t at = 0;
  for (std::size_t h = 0; h < heads.size(); ++h) {
    const auto outputs = static_cast<std::int64_t>(heads[h].outputs);
    const at::Tensor z = logits.narrow(1, at, outputs).to(at::kDouble);
    const at::Tensor label = labels.narrow(1, static_cast<std::int64_t>(h), 1).to(at::kDouble);
    const at::Tensor missing = label.isnan();
    const at::Tensor delta =
        Delta(heads[h], z, label.masked_fill(missing, 0), h == 0 ? counts : at::Tensor());
    deltas.push_back((delta * heads[h].weight).masked_fill(missing, 0).to(at::kFloat));
    at += outputs;
  }
  return at::cat(deltas, 1);
}

std::string HeadsError(const std::vector<Head>& heads, std::size_t outputs) {
  std::size_t sum = 0;
  for (const Head& head : heads) {
    const bool many = head.loss == Loss::kSoftmax;
    if (many ? head.outputs < 2 : head.outputs != 1)
      return "heads: outputs is " + std::to_string(head.outputs) + ", must be " +
             (many ? "at least 2" : "1");
    if (!std::isfinite(head.weight) || !(head.weight > 0)) return "heads: weight must be positive";
    if (!(head.huber > 0)) return "heads: huber must be positive";
    sum += head.outputs;
  }
  if (heads.empty() || sum != outputs)
    return "heads: they have " + std::to_string(sum) + " outputs, widths end in " +
           std::to_string(outputs);
  return "";
}

}  // namespace veilsum::client::torch_engine
