// The clipped gradient sum with libtorch, on any device: forward, deltas and ghost norms by raw
// tensor operations, no autograd (Bu et al. 2023, arXiv 2210.00038). Needs the standard library and
// libtorch only (SE-31): plain arrays in and out. Whether a device's products leave a customer the
// same bits beside whichever others is for row_invariance.h to say (DP-07).
#pragma once

#include <memory>
#include <string>

#include "client/train/torch/batch.h"
#include "client/train/torch/net.h"

namespace veilsum::client::torch_engine {

class TorchEngine {
 public:
  // device: "cpu", "cuda", "cuda:1". Null and a message in `error`, which names the field, when the
  // device is missing or the net unusable.
  static std::unique_ptr<TorchEngine> Create(const Net& net, const std::string& device,
                                             std::string& error);
  ~TorchEngine();

  const Net& net() const;
  // sum = sum over customers of min(1, clip_norm / norm) * gradient, Parameters(net) numbers, with
  // the factor of cpu/clip.h; a customer whose norm is not finite, or with an impossible label,
  // contributes zero (DP-09). clip_norm 0: the plain sum. A batch without rows: zeros. False and a
  // message in `error`, which names the field, when the batch does not fit the net, or when
  // libtorch fails.
  bool Sum(const float* model, const Batch& batch, double clip_norm, double* sum,
           std::string& error);

 private:
  struct State;
  explicit TorchEngine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

bool HasCuda();

}  // namespace veilsum::client::torch_engine
