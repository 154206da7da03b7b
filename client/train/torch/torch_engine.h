// The clipped gradient sum with libtorch, on any device: forward, deltas and ghost norms by raw
// tensor operations, no autograd (Bu et al. 2023, arXiv 2210.00038). Needs the standard library and
// libtorch only (SE-31): plain arrays in and out. An MLP with ReLU. Sums are fp32 products of one
// shape; row invariance is not claimed, so what it makes may not be released with a privacy claim
// (DP-07).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace veilsum::client::torch_engine {

// As model::Head.
enum class Loss { kLogistic, kSoftmax, kSquared, kHuber, kTemporal };
struct Head {
  Loss loss = Loss::kLogistic;
  std::size_t outputs = 1;  // at least 2 for kSoftmax and kTemporal, else 1
  double weight = 1;
  double huber = 1;
  double discount = 0;  // kTemporal, which must be the only head; in [0, 1)
};

struct Net {
  std::vector<std::size_t> widths;     // inputs, hidden layers, outputs
  std::vector<Head> heads = {Head{}};  // consecutive outputs, in order
  double layer_norm_epsilon = 0;       // of hidden layers, before the ReLU; 0: no layer norm
};

// Customers of equally many rows, one customer after the other; row-major.
struct Batch {
  std::size_t rows = 0;           // of all customers, fillers included
  const float* x = nullptr;       // rows x inputs
  const float* labels = nullptr;  // rows x heads; NaN: missing
  // What dropout multiplies hidden units by, rows x (units of all hidden layers), layer after
  // layer: a row of cpu/dropout.h each, so that masks are the CPU engine's. Null: ones.
  const float* factors = nullptr;
  // How often each output of the first head, a softmax, counts unless it is the label, rows x
  // outputs: a row of cpu/sampled_items.h each. Null: once.
  const float* counts = nullptr;
  std::size_t customer_rows = 1;  // of each customer, fillers included
  // How many rows of each customer are its own; the rest are fillers, whose x must be finite and
  // which contribute nothing. rows / customer_rows numbers. Null: all.
  const std::int64_t* lengths = nullptr;
  // For kTemporal: rows, and the target model, as long as the model.
  const float* rewards = nullptr;
  const float* target = nullptr;
};

class TorchEngine {
 public:
  // device: "cpu", "cuda", "cuda:1". Null and a message in `error`, which names the field, when the
  // device is missing or the net unusable.
  static std::unique_ptr<TorchEngine> Create(const Net& net, const std::string& device,
                                             std::string& error);
  ~TorchEngine();

  // For each layer its weight [in][out], row-major, then its bias.
  std::size_t parameters() const;
  // sum = sum over customers of min(1, clip_norm / norm) * gradient, `parameters()` numbers, with
  // the factor of cpu/clip.h; a customer whose norm is not finite, or with an impossible label,
  // contributes zero (DP-09). clip_norm 0: the plain sum. False and a message in `error`, which
  // names the field, when the batch does not fit the net, or when libtorch fails.
  bool Sum(const float* model, const Batch& batch, double clip_norm, float* sum,
           std::string& error);

 private:
  struct State;
  explicit TorchEngine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

bool HasCuda();

}  // namespace veilsum::client::torch_engine
