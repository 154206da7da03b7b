// What pulls a model's parameters beside its customers' gradients: (l2/2) ||w||^2 and l1 ||w||_1
// over the weights (biases are free), and (proximal/2) ||x - start||^2 over all parameters
// (FedProx: Li et al. 2020, arXiv 1812.06127, equation 2). A function of the model and of its start
// alone, so that it costs no privacy and needs no clipping: no row of a customer can be had from
// here.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace veilsum::dp {

struct Penalty {
  double l1 = 0, l2 = 0, proximal = 0;  // each >= 0
  struct Range {
    std::size_t first, size;
  };
  std::vector<Range> weights = {};  // of the parameters; disjoint

  bool any() const { return l1 > 0 || l2 > 0 || proximal > 0; }
};

// gradient += that of the penalty at `x`; 0 counts as the sign of 0. All three of one length that
// holds every range; `start` may be empty where proximal is 0.
void AddGradient(const Penalty& penalty, std::span<const float> x, std::span<const float> start,
                 std::span<double> gradient);

}  // namespace veilsum::dp
