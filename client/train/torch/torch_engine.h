// The clipped gradient sum with libtorch, on any device: forward, deltas and ghost norms by raw
// tensor operations, no autograd (Bu et al. 2023, arXiv 2210.00038). Needs the standard library and
// libtorch only (SE-31): plain arrays in and out. An MLP with ReLU and one logistic output, one row
// a customer. Sums are fp32 products of one shape; row invariance is not claimed, so what it makes
// may not be released with a privacy claim (DP-07).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace veilsum::client::torch_engine {

class TorchEngine {
 public:
  // widths: inputs, hidden layers, 1. device: "cpu", "cuda", "cuda:1". Null and a message in
  // `error` when the device is missing or the widths are unusable.
  static std::unique_ptr<TorchEngine> Create(const std::vector<std::size_t>& widths,
                                             const std::string& device, std::string& error);
  ~TorchEngine();

  // For each layer its weight [in][out], row-major, then its bias.
  std::size_t parameters() const;
  // sum = sum over rows of min(1, clip_norm / norm) * gradient, `parameters()` numbers; a row whose
  // norm is not finite contributes zero (DP-09). clip_norm 0: the plain sum. x is rows x inputs.
  // False and a message in `error` when libtorch fails.
  bool Sum(const float* model, std::size_t rows, const float* x, const float* labels,
           double clip_norm, float* sum, std::string& error);

 private:
  struct State;
  explicit TorchEngine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

bool HasCuda();

}  // namespace veilsum::client::torch_engine
