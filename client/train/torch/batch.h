// The rows of one call of the libtorch engine, as the host has them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/train/torch/net.h"

namespace veilsum::client::torch_engine {

// As model::IdList: ids with weights, `slots` of every row; rows x slots each.
struct IdList {
  std::size_t slots = 0;
  const std::uint32_t* ids = nullptr;
  const float* weights = nullptr;  // not negative; null: ones
};

// Customers of equally many rows, one customer after the other; row-major.
struct Batch {
  std::size_t rows = 0;           // of all customers, fillers included
  const float* x = nullptr;       // rows x numeric inputs
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
  IdList active = {};              // the one-hot inputs that are 1, counted from the first
  std::vector<IdList> lists = {};  // of bags and sequences

  std::size_t customers() const { return rows / customer_rows; }
  // Some of its customers; the arrays stay where they are.
  Batch Part(const Net& net, std::size_t first_customer, std::size_t customers) const;
};

// Empty, or why the net cannot be run on the batch; it names the field.
std::string BatchError(const Net& net, const Batch& batch);

}  // namespace veilsum::client::torch_engine
