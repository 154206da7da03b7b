// One net of every kind that the libtorch engine has, with customers, for tests of it: as the CPU
// engine takes them, and as plain arrays.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "client/train/device/device_batch.h"
#include "client/train/device/net_of.h"
#include "tests/unit/client/train/reference.h"

namespace veilsum::client {

struct TorchShape {
  std::string name;
  std::vector<std::size_t> hidden = {70, 33};
  double dropout = 0;
  bool layer_norm = false;
  model::Heads heads = {model::Head{}};
  std::uint32_t max_rows = 1;
  bool cancelling = false;  // a customer's gradient is far shorter than its rows'
  std::vector<std::uint32_t> buckets = {};
  std::vector<model::BagShape> bags = {};
  std::vector<model::SequenceShape> sequences = {};
  bool items = false;  // with attributes
  int numeric = 37;
};

const std::vector<TorchShape>& TorchShapes();

class TorchCase {
 public:
  static constexpr std::size_t kCustomers = 300;

  explicit TorchCase(const TorchShape& shape);

  bool temporal() const { return shape_.heads[0].loss == model::Loss::kTemporal; }
  torch_engine::Net Net() const { return NetOf(layout_, shape_.heads).value(); }
  torch_engine::Batch Batch() const;  // of all customers, in their order; points into this
  const TorchShape& shape() const { return shape_; }
  const model::Layout& layout() const { return layout_; }
  const model::Examples& examples() const { return examples_; }
  const model::ModelVector& model() const { return model_; }
  const model::ModelVector& target() const { return target_; }
  static Secret<32> Key();  // of the masks and the negatives

  // Every number of the model, and every input, by as much.
  void Stretch(float model, float inputs);
  // An input that is not finite, in every kind of them; an impossible class. Batch has it then.
  void Break();

 private:
  void SetLabels();
  void Cancel();
  void Fill();  // the batch

  TorchShape shape_;
  std::mt19937 rng_{5};
  model::Examples examples_;
  model::Layout layout_ = model::Layout::Mlp(1, 1, {}, false);
  model::ModelVector model_, target_;
  std::optional<DeviceBatch> batch_;
};

}  // namespace veilsum::client
