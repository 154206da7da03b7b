// What the training engine is compared with: libtorch's own autograd step without privacy. Plain
// arrays, so that only its .cc sees libtorch.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace veilsum {

class TorchBaseline {
 public:
  // An MLP `widths` with ReLU and a logistic loss summed over `rows` rows; on the CPU one thread.
  TorchBaseline(const std::vector<std::size_t>& widths, std::size_t rows, const float* x,
                const float* labels, const std::string& device = "cpu");
  ~TorchBaseline();
  void Step();  // zero gradients, forward, loss, backward; no optimiser
  void Wait();  // until the device has done all steps

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace veilsum
