// One merchant's encoded customers, as the engine and the evaluation read them.
// Every row has the same number of features, so that work does not depend on the values (DP-06).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace veilsum::model {

struct Examples {
  int numeric = 0;                    // numeric features a row
  int categorical = 0;                // categorical features a row, each exactly one active input
  std::vector<float> numeric_values;  // rows x numeric, in [-1, 1] by public bounds
  std::vector<std::uint32_t>
      active_inputs;          // rows x categorical: index of the active input, >= numeric
  std::vector<float> labels;  // rows; binary: 0 or 1
  std::vector<std::uint32_t> first_row = {
      0};  // customers + 1: the rows of customer u are [first_row[u], first_row[u+1])
  std::vector<std::string> customer_ids;  // customers; never leaves the merchant

  std::size_t rows() const { return labels.size(); }
  std::size_t customers() const { return first_row.size() - 1; }
  std::span<const float> NumericOf(std::size_t row) const {
    return {numeric_values.data() + row * static_cast<std::size_t>(numeric),
            static_cast<std::size_t>(numeric)};
  }
  std::span<const std::uint32_t> ActiveOf(std::size_t row) const {
    return {active_inputs.data() + row * static_cast<std::size_t>(categorical),
            static_cast<std::size_t>(categorical)};
  }
};

}  // namespace veilsum::model
