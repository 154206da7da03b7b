#include "client/train/torch/torch_engine.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "client/train/torch/device_arrays.h"
#include "client/train/torch/head_deltas.h"
#include "client/train/torch/step.h"

namespace veilsum::client::torch_engine {

struct TorchEngine::State {
  Net net;
  at::Device device{at::kCPU};
};

namespace {

// What the loss of a batch's rows depends on besides the model's outputs.
struct Rows {
  const Net& net;
  const Batch& batch;
  const at::Device& device;

  at::Tensor Load(const float* data, std::size_t columns) const {
    return ToDevice(data, batch.rows, columns, device);
  }
  std::int64_t PerCustomer() const { return static_cast<std::int64_t>(batch.customer_rows); }
  // customers x rows of each: true for fillers.
  at::Tensor Fillers() const {
    const auto customers = static_cast<std::int64_t>(batch.customers());
    const auto whole = at::TensorOptions().device(device).dtype(at::kLong);
    if (batch.lengths == nullptr)
      return at::zeros({customers, PerCustomer()}, whole.dtype(at::kBool));
    const at::Tensor lengths =
        at::from_blob(const_cast<std::int64_t*>(batch.lengths), {customers, 1}, at::kLong);
    return at::arange(PerCustomer(), whole).unsqueeze(0) >= lengths.to(device);
  }
  // The reward, and after it the best that the customer's next row can have; rows x 1.
  at::Tensor Targets() const {
    Batch whole = batch;
    whole.factors = nullptr;
    const at::Tensor best = BestValues(Step(net, batch.target, whole, device).Forward());
    const at::Tensor own = best.view({-1, PerCustomer()}).masked_fill(Fillers(), 0);
    const at::Tensor next =
        at::cat({own.narrow(1, 1, PerCustomer() - 1), at::zeros_like(own.narrow(1, 0, 1))}, 1);
    return Load(batch.rewards, 1).to(at::kDouble) +
           next.reshape({-1, 1}) * net.heads.front().discount;
  }
  at::Tensor Deltas(const at::Tensor& logits) const {
    Terms terms{
        Load(batch.labels, net.heads.size()), Load(batch.counts, net.heads.front().outputs), {}};
    if (net.heads.front().loss == Loss::kTemporal) terms.targets = Targets();
    return HeadDeltas(net.heads, logits, terms).masked_fill(Fillers().view({-1, 1}), 0);
  }
};

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
      at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
    }
    (void)at::zeros({1}, at::TensorOptions().device(state->device));
    return std::unique_ptr<TorchEngine>(new TorchEngine(std::move(state)));
  } catch (const std::exception& e) {
    error = e.what();
    return nullptr;
  }
}

const Net& TorchEngine::net() const { return state_->net; }

bool TorchEngine::Sum(const float* model, const Batch& batch, double clip_norm, double* sum,
                      std::string& error) {
  error = BatchError(state_->net, batch);
  if (!error.empty()) return false;
  if (batch.rows == 0) {
    std::fill_n(sum, Parameters(state_->net), 0.0);
    return true;
  }
  try {
    const c10::InferenceMode no_autograd;
    Step step(state_->net, model, batch, state_->device);
    step.Backward(Rows{state_->net, batch, state_->device}.Deltas(step.Forward()));
    if (clip_norm > 0) step.Scale(ClipFactors(step.LayerGrams(), clip_norm));
    step.CopySum(sum);
    return true;
  } catch (const std::exception& e) {
    error = e.what();
    return false;
  }
}

}  // namespace veilsum::client::torch_engine
