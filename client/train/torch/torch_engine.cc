#include "client/train/torch/torch_engine.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cstring>

namespace veilsum::client::torch_engine {

struct TorchEngine::State {
  std::vector<std::size_t> widths;
  at::Device device{at::kCPU};
};

namespace {

at::Tensor ToDevice(const float* data, std::int64_t rows, std::int64_t columns,
                    const at::Device& device) {
  return at::from_blob(const_cast<float*>(data), {rows, columns}, at::kFloat).to(device);
}

struct Step {
  std::vector<at::Tensor> weights, inputs, deltas;

  void Forward(const std::vector<std::size_t>& widths, const float* model, at::Tensor x,
               const at::Device& device) {
    for (std::size_t l = 0; l + 1 < widths.size(); ++l) {
      const auto in = static_cast<std::int64_t>(widths[l]);
      const auto out = static_cast<std::int64_t>(widths[l + 1]);
      weights.push_back(ToDevice(model, in, out, device));
      const at::Tensor bias = ToDevice(model + in * out, 1, out, device);
      model += (in + 1) * out;
      inputs.push_back(x);
      x = at::addmm(bias, x, weights.back());
      if (l + 2 < widths.size()) x.clamp_min_(0);
    }
    deltas.assign(weights.size(), x);  // the last one's is the logit until Backward
  }
  void Backward(const at::Tensor& labels) {
    deltas.back() = deltas.back().sigmoid() - labels;
    for (std::size_t l = weights.size() - 1; l > 0; --l)
      deltas[l - 1] = at::mm(deltas[l], weights[l].t()).mul_(inputs[l] > 0);
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

}  // namespace

TorchEngine::TorchEngine(std::unique_ptr<State> state) : state_(std::move(state)) {}
TorchEngine::~TorchEngine() = default;

bool HasCuda() { return at::hasCUDA(); }

std::unique_ptr<TorchEngine> TorchEngine::Create(const std::vector<std::size_t>& widths,
                                                 const std::string& device, std::string& error) {
  bool usable = widths.size() >= 2 && widths.back() == 1;
  for (const std::size_t width : widths) usable = usable && width > 0;
  if (!usable) {
    error = "widths must be positive, at least two, and end in 1";
    return nullptr;
  }
  try {
    auto state = std::make_unique<State>();
    state->widths = widths;
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
  std::size_t sum = 0;
  for (std::size_t l = 0; l + 1 < state_->widths.size(); ++l)
    sum += (state_->widths[l] + 1) * state_->widths[l + 1];
  return sum;
}

bool TorchEngine::Sum(const float* model, std::size_t rows, const float* x, const float* labels,
                      double clip_norm, float* sum, std::string& error) {
  try {
    const c10::InferenceMode no_autograd;
    const auto count = static_cast<std::int64_t>(rows);
    Step step;
    step.Forward(
        state_->widths, model,
        ToDevice(x, count, static_cast<std::int64_t>(state_->widths.front()), state_->device),
        state_->device);
    step.Backward(ToDevice(labels, count, 1, state_->device));
    if (clip_norm > 0) step.Clip(clip_norm);
    step.CopySum(sum);
    return true;
  } catch (const std::exception& e) {
    error = e.what();
    return false;
  }
}

}  // namespace veilsum::client::torch_engine
