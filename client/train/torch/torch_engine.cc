#include "client/train/torch/torch_engine.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cmath>

#include "client/train/torch/ghost_norms.h"
#include "client/train/torch/head_deltas.h"
#include "client/train/torch/step.h"

namespace veilsum::client::torch_engine {

struct TorchEngine::State {
  Net net;
  at::Device device{at::kCPU};
};

namespace {

std::size_t HiddenUnits(const Net& net) {
  std::size_t units = 0;
  for (std::size_t l = 1; l + 1 < net.widths.size(); ++l) units += net.widths[l];
  return units;
}

std::string NetError(const Net& net) {
  bool usable = net.widths.size() >= 2;
  for (const std::size_t width : net.widths) usable = usable && width > 0;
  if (!usable) return "widths must be positive, and at least two";
  if (!std::isfinite(net.layer_norm_epsilon) || net.layer_norm_epsilon < 0)
    return "layer_norm_epsilon must be finite and not negative";
  return HeadsError(net.heads, net.widths.back());
}

// Empty, or what is wrong.
std::string BatchError(const Net& net, const Batch& batch) {
  const Loss loss = net.heads.front().loss;
  if (batch.customer_rows == 0 || batch.rows % batch.customer_rows != 0)
    return "customer_rows is " + std::to_string(batch.customer_rows) + ", must divide rows, " +
           std::to_string(batch.rows);
  if (batch.counts != nullptr && loss != Loss::kSoftmax)
    return "counts: the first head is not a softmax";
  const bool targets = batch.rewards != nullptr && batch.target != nullptr;
  if (loss == Loss::kTemporal && !targets) return "rewards and target: action values need them";
  return "";
}

// A batch on the device.
struct Rows {
  const Net& net;
  const Batch& batch;
  const at::Device& device;

  at::Tensor Load(const float* data, std::size_t columns) const {
    return ToDevice(data, batch.rows, columns, device);
  }
  Step Forward(const float* model, bool dropout) const {
    Step step;
    step.epsilon = net.layer_norm_epsilon;
    if (dropout) step.factors = Load(batch.factors, HiddenUnits(net));
    step.Forward(net.widths, model, Load(batch.x, net.widths.front()), device);
    return step;
  }
  std::int64_t PerCustomer() const { return static_cast<std::int64_t>(batch.customer_rows); }
  // customers x rows of each: true for fillers.
  at::Tensor Fillers() const {
    const auto customers = static_cast<std::int64_t>(batch.rows) / PerCustomer();
    const auto whole = at::TensorOptions().device(device).dtype(at::kLong);
    if (batch.lengths == nullptr)
      return at::zeros({customers, PerCustomer()}, whole.dtype(at::kBool));
    const at::Tensor lengths =
        at::from_blob(const_cast<std::int64_t*>(batch.lengths), {customers, 1}, at::kLong);
    return at::arange(PerCustomer(), whole).unsqueeze(0) >= lengths.to(device);
  }
  // The reward, and after it the best that the customer's next row can have; rows x 1.
  at::Tensor Targets() const {
    const at::Tensor best = BestValues(Forward(batch.target, false).logits);
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
  error = BatchError(state_->net, batch);
  if (!error.empty()) return false;
  try {
    const c10::InferenceMode no_autograd;
    const Rows rows{state_->net, batch, state_->device};
    Step step = rows.Forward(model, true);
    step.Backward(rows.Deltas(step.logits));
    if (clip_norm > 0)
      step.Scale(ClipFactors(step.inputs, step.deltas, rows.PerCustomer(), clip_norm));
    step.CopySum(sum);
    return true;
  } catch (const std::exception& e) {
    error = e.what();
    return false;
  }
}

}  // namespace veilsum::client::torch_engine
