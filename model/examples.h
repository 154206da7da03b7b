// One merchant's encoded customers, as the engine and the evaluation read them.
// Every row has the same number of features, so that work does not depend on the values (DP-06).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace veilsum::model {

// Ids with weights, the same number of slots for every row whatever the row holds (DP-06): hashed
// n-grams of a text, or the last events of a customer, oldest first. Unused slots come last and
// have id 0 and weight 0. Duplicates are allowed and add up.
struct IdList {
  std::uint32_t buckets = 1;       // ids are below it
  std::uint32_t slots = 0;         // of a row
  std::vector<std::uint32_t> ids;  // rows x slots
  std::vector<float> weights;      // rows x slots

  std::span<const std::uint32_t> IdsOf(std::size_t row) const {
    return {ids.data() + row * slots, slots};
  }
  std::span<const float> WeightsOf(std::size_t row) const {
    return {weights.data() + row * slots, slots};
  }
};

struct Examples {
  int numeric = 0;                    // numeric features a row
  int categorical = 0;                // categorical features a row, each exactly one active input
  std::vector<float> numeric_values;  // rows x numeric, in [-1, 1] by public bounds
  std::vector<std::uint32_t>
      active_inputs;  // rows x categorical: index of the active input, >= layout.dense_inputs()
  std::vector<IdList> lists;       // sparse inputs, in plan order; layout.bags() says where they go
  std::vector<float> labels;       // rows; binary: 0 or 1
  std::vector<float> more_labels;  // rows x (heads - 1): of the model's other heads; NaN: missing
  std::vector<float> rewards;      // rows, of the label's action (Loss::kTemporal); else empty
  std::vector<float> propensities;  // rows, of the label's action: in (0, 1]; empty: not known
  std::vector<std::uint32_t> first_row = {
      0};  // customers + 1: the rows of customer u are [first_row[u], first_row[u+1])
  std::vector<std::string> customer_ids;  // customers; never leaves the merchant
  std::vector<std::uint32_t> groups;      // customers: of an evaluation with groups; else empty

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

class Layout;

// The examples have a list of the right size for each of the layout's bags, with ids in range and
// no weight below 0 (certified norms rely on it: a row's weights of one id cannot cancel);
// InvalidArgument otherwise. An engine leaves out what is not finite.
absl::Status CheckLists(const Layout& layout, const Examples& examples);

}  // namespace veilsum::model
