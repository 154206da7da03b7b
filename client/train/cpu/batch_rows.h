// What a micro-batch's rows hold besides their inputs.
#pragma once

#include <optional>
#include <vector>

#include "model/examples.h"

namespace veilsum::client::cpu {

class BatchRows {
 public:
  // `examples` outlive this; `heads` labels a row.
  BatchRows(const model::Examples& examples, std::size_t rows, std::size_t heads)
      : examples_(examples), heads_(heads), labels_(rows * heads), rewards_(rows), live_(rows) {}

  // A row of the examples; none: a filler, whose label is 0.
  void Fill(std::size_t at, std::optional<std::size_t> row);
  // One a head.
  const float* Labels(std::size_t at) const { return labels_.data() + at * heads_; }
  float Reward(std::size_t at) const { return rewards_[at]; }
  bool live(std::size_t at) const { return live_[at] != 0; }
  // 1 where there is a real row, else 0.
  const std::vector<float>& live() const { return live_; }

 private:
  const model::Examples& examples_;
  std::size_t heads_;
  std::vector<float> labels_, rewards_, live_;
};

}  // namespace veilsum::client::cpu
