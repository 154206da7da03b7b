#include "client/train/torch/torch_engine.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cmath>
#include <cstring>

#include "client/train/torch/head_deltas.h"

namespace veilsum::client::torch_engine {

struct TorchEngine::State {
  Net net;
  at::Device device{at::kCPU};
};

namespace {

at::Tensor ToDevice(const float* data, std::size_t rows, std::size_t columns,
                    const at::Device& device) {
  if (data == nullptr) return {};
  return at::from_blob(const_cast<float*>(data),
                       {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)},
                       at::kFloat)
      .to(device);
}

std::size_t HiddenUnits(const Net& net) {
  std::size_t units = 0;
  for (std::size_t l = 1; l + 1 < net.widths.size(); ++l) units += net.widths[l];
  return units;
}

struct Step {
  double epsilon = 0;  // of layer norm; 0: none
  at::Tensor factors;  // of all hidden units, or undefined
  at::Tensor logits;
  std::vector<at::Tensor> weights, inputs, deltas;
  std::vector<at::Tensor> keep, normal, inverse;  // of each hidden layer

  void Forward(const std::vector<std::size_t>& widths, const float* model, at::Tensor x,
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
  // What the next layer has as its inputs; `unit` is the first of the layer's.
  at::Tensor Activate(const at::Tensor& z, std::int64_t unit) {
    if (epsilon > 0) Normalise(z);
    const at::Tensor x = (epsilon > 0 ? normal.back() : z).clamp_min(0);
    if (!factors.defined()) return x;
    keep.push_back(factors.narrow(1, unit, z.size(1)));
    return x * keep.back();
  }
  void Normalise(const at::Tensor& z) {
    const at::Tensor centred = z - z.mean(1, true);
    inverse.push_back((centred.square().mean(1, true) + epsilon).rsqrt());
    normal.push_back(centred * inverse.back());
  }
  void Backward(const at::Tensor& top) {
    deltas.assign(weights.size(), top);
    for (std::size_t l = weights.size() - 1; l > 0; --l) {
      at::Tensor delta = at::mm(deltas[l], weights[l].t()).mul_(inputs[l] > 0);
      if (factors.defined()) delta.mul_(keep[l - 1]);
      deltas[l - 1] = epsilon > 0 ? BeforeNorm(delta, l - 1) : delta;
    }
  }
  at::Tensor BeforeNorm(const at::Tensor& delta, std::size_t hidden) const {
    const at::Tensor& n = normal[hidden];
    const at::Tensor along = n * (delta * n).mean(1, true);
    return inverse[hidden] * (delta - delta.mean(1, true) - along);
  }
  // Of each row, as a column; exactly 0 where the norm is not finite.
  at::Tensor Factors(double clip_norm) const {
    at::Tensor squares;
    for (std::size_t l = 0; l < weights.size(); ++l) {
      const at::Tensor a = inputs[l].to(at::kDouble).square().sum(1, true) + 1;
      const at::Tensor term = a * deltas[l].to(at::kDouble).square().sum(1, true);
      squares = l == 0 ? term : squares + term;
    }
    const at::Tensor ratio = (squares.sqrt() * (1 + 0x1p-20)).reciprocal() * clip_norm;
    return at::where(squares.isfinite(), ratio.clamp_max(1), at::zeros_like(ratio)).to(at::kFloat);
  }
  void Clip(double clip_norm) {
    const at::Tensor factor = Factors(clip_norm);
    const at::Tensor dead = factor == 0;
    for (std::size_t l = 0; l < weights.size(); ++l) {
      inputs[l] = inputs[l].masked_fill(dead, 0);  // 0 times NaN is NaN
      deltas[l] = deltas[l].masked_fill(dead, 0) * factor;
    }
  }
  void CopySum(float* out) const {
    for (std::size_t l = 0; l < weights.size(); ++l)
      for (const at::Tensor& part : {at::mm(inputs[l].t(), deltas[l]), deltas[l].sum(0)}) {
        const at::Tensor host = part.cpu().contiguous();
        std::memcpy(out, host.data_ptr<float>(), host.nbytes());
        out += host.numel();
      }
  }
};

std::string NetError(const Net& net) {
  bool usable = net.widths.size() >= 2;
  for (const std::size_t width : net.widths) usable = usable && width > 0;
  if (!usable) return "widths must be positive, and at least two";
  if (!std::isfinite(net.layer_norm_epsilon) || net.layer_norm_epsilon < 0)
    return "layer_norm_epsilon must be finite and not negative";
  return HeadsError(net.heads, net.widths.back());
}

}  // namespace

TorchEngine::TorchEngine(std::unique_ptr<State> state) : state_(std::move(state)) {}
TorchEngine::~TorchEngine() = default;

bool HasCuda() { return at::hasCUDA(); }

std::unique_ptr<TorchEngine> TorchEngine::Create(const Net& net, const std::string& device,
                                                 std::string& error) {
  error = NetError(net);
  if (!error.empty()) return nullptr;
  try {
    auto state = std::make_unique<State>();
    state->net = net;
    state->device = at::Device(device);
    if (state->device.is_cuda()) {
      at::globalContext().setAllowTF32CuBLAS(false);  // norms and sums are fp32 (DP-07)
    }
    (void)at::zeros({1}, at::TensorOptions().device(state->device));
    return std::unique_ptr<TorchEngine>(new TorchEngine(std::move(state)));
  } catch (const std::exception& e) {
    error = e.what();
    return nullptr;
  }
}

std::size_t TorchEngine::parameters() const {
  const std::vector<std::size_t>& widths = state_->net.widths;
  std::size_t sum = 0;
  for (std::size_t l = 0; l + 1 < widths.size(); ++l) sum += (widths[l] + 1) * widths[l + 1];
  return sum;
}

bool TorchEngine::Sum(const float* model, const Batch& batch, double clip_norm, float* sum,
                      std::string& error) {
  const Net& net = state_->net;
  const Head& first = net.heads.front();
  if (batch.counts != nullptr && first.loss != Loss::kSoftmax) {
    error = "counts: the first head is not a softmax";
    return false;
  }
  try {
    const c10::InferenceMode no_autograd;
    const auto on_device = [&](const float* data, std::size_t columns) {
      return ToDevice(data, batch.rows, columns, state_->device);
    };
    Step step;
    step.epsilon = net.layer_norm_epsilon;
    step.factors = on_device(batch.factors, HiddenUnits(net));
    step.Forward(net.widths, model, on_device(batch.x, net.widths.front()), state_->device);
    step.Backward(HeadDeltas(net.heads, step.logits, on_device(batch.labels, net.heads.size()),
                             on_device(batch.counts, first.outputs)));
    if (clip_norm > 0) step.Clip(clip_norm);
    step.CopySum(sum);
    return true;
  } catch (const std::exception& e) {
    error = e.what();
    return false;
  }
}

}  // namespace veilsum::client::torch_engine
