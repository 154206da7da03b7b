#include "tests/bench/train_torch.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>

namespace veilsum {

struct TorchBaseline::State {
  std::vector<at::Tensor> weights, biases;
  at::Tensor x, labels;
};

TorchBaseline::TorchBaseline(const std::vector<std::size_t>& widths, std::size_t rows,
                             const float* x, const float* labels, const std::string& device)
    : state_(std::make_unique<State>()) {
  at::set_num_threads(1);
  const auto count = static_cast<std::int64_t>(rows);
  state_->x = at::from_blob(const_cast<float*>(x), {count, static_cast<std::int64_t>(widths[0])},
                            at::kFloat)
                  .clone()
                  .to(at::Device(device));
  state_->labels = at::from_blob(const_cast<float*>(labels), {count, 1}, at::kFloat)
                       .clone()
                       .to(at::Device(device));
  const at::TensorOptions there = state_->x.options();
  for (std::size_t l = 0; l + 1 < widths.size(); ++l) {
    const auto in = static_cast<std::int64_t>(widths[l]);
    const auto out = static_cast<std::int64_t>(widths[l + 1]);
    state_->weights.push_back(
        (at::randn({out, in}, there) * std::sqrt(2.0 / static_cast<double>(in)))
            .set_requires_grad(true));
    state_->biases.push_back(at::zeros({out}, there).set_requires_grad(true));
  }
}

TorchBaseline::~TorchBaseline() = default;

void TorchBaseline::Step() {
  at::Tensor x = state_->x;
  for (std::size_t l = 0; l < state_->weights.size(); ++l) {
    state_->weights[l].mutable_grad().reset();
    state_->biases[l].mutable_grad().reset();
    x = at::linear(x, state_->weights[l], state_->biases[l]);
    if (l + 1 < state_->weights.size()) x = at::relu(x);
  }
  at::binary_cross_entropy_with_logits(x, state_->labels, {}, {}, at::Reduction::Sum).backward();
}

void TorchBaseline::Wait() { (void)state_->biases.front().mutable_grad().sum().item<float>(); }

}  // namespace veilsum
