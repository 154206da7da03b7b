// What each row's gradient is multiplied by: its customer's clip factor (DP-08), or exactly 0 where
// anything is not finite (DP-09).
#pragma once

#include "client/train/cpu/batch_rows.h"
#include "client/train/cpu/clip.h"
#include "client/train/cpu/layers.h"

namespace veilsum::client::cpu {

class ClipFactors {
 public:
  ClipFactors(std::size_t rows, std::size_t max_rows);

  // Of a micro-batch of `customers`, after Forward and Backward, with squares where max_rows is 1.
  // Clears the rows of `layers` that are left out, fillers among them.
  void Set(Layers& layers, const BatchRows& batch, std::size_t rows, std::size_t customers,
           double limit);
  const float* data() const { return factors_.data(); }
  float operator[](std::size_t row) const { return factors_[row]; }

 private:
  double Factor(Layers& layers, const BatchRows& batch, std::size_t customer, double limit);
  void OfSeveralRows(Layers& layers, const BatchRows& batch, std::size_t customers, double limit);

  std::size_t max_rows_;
  std::vector<float> factors_;
  std::vector<double> norms_;      // squared, of customers of one row
  std::vector<std::uint8_t> bad_;  // rows of customers with several that are not finite
  std::vector<double> input_gram_, delta_gram_;
};

}  // namespace veilsum::client::cpu
