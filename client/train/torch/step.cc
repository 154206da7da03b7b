#include "client/train/torch/step.h"

#include <cstring>

namespace veilsum::client::torch_engine {

at::Tensor ToDevice(const float* data, std::size_t rows, std::size_t columns,
                    const at::Device& device) {
  if (data == nullptr) return {};
  return at::from_blob(const_cast<float*>(data),
                       {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)},
                       at::kFloat)
      .to(device);
}

void Step::Forward(const std::vector<std::size_t>& widths, const float* model, at::Tensor x,
                   const at::Device& device) {
  std::int64_t unit = 0;
  for (std::size_t l = 0; l + 1 < widths.size(); ++l) {
    const std::size_t in = widths[l], out = widths[l + 1];
    weights.push_back(ToDevice(model, in, out, device));
    const at::Tensor bias = ToDevice(model + in * out, 1, out, device);
    model += (in + 1) * out;
    inputs.push_back(x);
    x = at::addmm(bias, x, weights.back());
    if (l + 2 < widths.size()) x = Activate(x, unit);
    unit += static_cast<std::int64_t>(out);
  }
  logits = x;
}

at::Tensor Step::Activate(const at::Tensor& z, std::int64_t unit) {
  if (epsilon > 0) Normalise(z);
  const at::Tensor x = (epsilon > 0 ? normal_.back() : z).clamp_min(0);
  if (!factors.defined()) return x;
  keep_.push_back(factors.narrow(1, unit, z.size(1)));
  return x * keep_.back();
}

void Step::Normalise(const at::Tensor& z) {
  const at::Tensor centred = z - z.mean(1, true);
  inverse_.push_back((centred.square().mean(1, true) + epsilon).rsqrt());
  normal_.push_back(centred * inverse_.back());
}

void Step::Backward(const at::Tensor& top) {
  deltas.assign(weights.size(), top);
  for (std::size_t l = weights.size() - 1; l > 0; --l) {
    at::Tensor delta = at::mm(deltas[l], weights[l].t()).mul_(inputs[l] > 0);
    if (factors.defined()) delta.mul_(keep_[l - 1]);
    deltas[l - 1] = epsilon > 0 ? BeforeNorm(delta, l - 1) : delta;
  }
}

at::Tensor Step::BeforeNorm(const at::Tensor& delta, std::size_t hidden) const {
  const at::Tensor& n = normal_[hidden];
  const at::Tensor along = n * (delta * n).mean(1, true);
  return inverse_[hidden] * (delta - delta.mean(1, true) - along);
}

void Step::Scale(const at::Tensor& factor) {
  const at::Tensor dead = factor == 0;
  for (std::size_t l = 0; l < weights.size(); ++l) {
    inputs[l] = inputs[l].masked_fill(dead, 0);  // 0 times NaN is NaN
    deltas[l] = deltas[l].masked_fill(dead, 0) * factor;
  }
}

void Step::CopySum(float* out) const {
  for (std::size_t l = 0; l < weights.size(); ++l)
    for (const at::Tensor& part : {at::mm(inputs[l].t(), deltas[l]), deltas[l].sum(0)}) {
      const at::Tensor host = part.cpu().contiguous();
      std::memcpy(out, host.data_ptr<float>(), host.nbytes());
      out += host.numel();
    }
}

}  // namespace veilsum::client::torch_engine
