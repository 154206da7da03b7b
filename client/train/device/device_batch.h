// The arrays of one step for devices: always as many customers of as many rows, whoever is in them
// (DP-06). A place without a customer, and a customer's missing rows, hold fillers that contribute
// nothing.
#pragma once

#include <optional>

#include "base/secure_rng.h"
#include "client/train/cpu/dropout.h"
#include "client/train/cpu/sampled_items.h"
#include "client/train/torch/batch.h"
#include "model/examples.h"
#include "model/heads.h"

namespace veilsum::client {

class DeviceBatch {
 public:
  // Kept by reference: layout, examples and heads. `places` of customers.
  DeviceBatch(const model::Layout& layout, const model::Examples& examples,
              const model::Heads& heads, std::uint32_t max_rows, std::uint32_t places,
              double dropout);

  // customers[i] in place places[i]; `key` is the step's, for masks and negatives (DP-09), which
  // are those of the CPU engine. `model` standardises and is not kept. Sizes are right, and indices
  // in range.
  void Fill(const model::ModelVector& model, std::span<const std::uint32_t> customers,
            std::span<const std::uint32_t> places, const Secret<32>& key);
  // Rows of nobody, in every place: to try a device with.
  void FillAtRandom(SecureRng& rng);

  const torch_engine::Batch& batch() const { return batch_; }
  void SetTarget(const float* parameters) { batch_.target = parameters; }  // must outlive its use

 private:
  struct List {
    std::uint32_t slots, buckets;
    std::vector<std::uint32_t> ids;
    std::vector<float> weights;
  };
  void FillRow(std::size_t at, std::optional<std::uint32_t> customer, std::size_t row);
  void FillNumbers(std::size_t at, std::optional<std::size_t> row);
  void FillLists(std::size_t at, std::optional<std::size_t> row);
  void PointBatch();
  std::size_t rows() const { return lengths_.size() * max_rows_; }

  const model::Layout& layout_;
  const model::Examples& examples_;
  const model::Heads& heads_;
  const std::size_t max_rows_;
  cpu::Dropout dropout_;
  cpu::SampledItems items_;
  std::vector<float> mean_, scale_;
  std::vector<float> x_, labels_, factors_, counts_, rewards_;
  std::vector<std::int64_t> lengths_;
  std::vector<std::uint32_t> active_;
  std::vector<List> lists_;
  torch_engine::Batch batch_;
};

// Uniform in [-1, 1), coarse: to try a device with.
float MadeUpNumber(SecureRng& rng);

}  // namespace veilsum::client
