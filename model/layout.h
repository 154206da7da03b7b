// Where every number of a model lives: float32, in plan order (SE-18). First the buffers (input
// standardisation, published by the statistics round and not trained; in merchant mode the clip
// norm of the next round), then for each layer its
// weight [in][out], row-major, and its bias, then the tables of the bags, then the sequences.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "model/encoder.h"
#include "model/item_attributes.h"

namespace veilsum::model {

inline constexpr float kLayerNormEpsilon = 1e-5f;

using ModelVector = std::vector<float>;  // buffers, then parameters; size() == layout.size()

struct Tensor {
  // input.mean, input.scale, layers.<i>.weight, layers.<i>.bias, bags.<i>.weight,
  // sequences.<i>.table, sequences.<i>.weight, sequences.<i>.bias
  std::string name;
  std::vector<std::size_t> shape;
  std::size_t offset;  // in floats, from the start of the model
  std::size_t size;    // in floats
};

struct Layer {
  std::size_t in, out;
  std::size_t weight, bias;  // offsets in floats
};

// A sparse input: with a row's ids and weights of Examples::lists[list], sum_k weight_k *
// table[id_k] is `width` numbers. They are inputs of layer 0 (an embedding bag), or, direct, are
// added to the outputs of the last layer (a linear path around the hidden layers).
struct BagShape {
  std::size_t list;
  std::size_t buckets, width;
  bool direct;
};

struct Bag : BagShape {
  std::size_t weight;       // offset in floats of the table [buckets][width], row-major
  std::size_t first_input;  // of layer 0; 0 when direct
};

// A list of ids whose order counts, made into `channels` inputs of layer 0 (model/sequence.h).
struct SequenceShape {
  std::size_t list;
  std::size_t slots, buckets, embedding;  // ids of a row, values of an id, numbers of an embedding
  Encoder encoder;
  std::size_t kernel;  // convolution: positions of a window, at most `slots`; else 0
  std::size_t channels;

  std::size_t windows() const { return slots - kernel + 1; }  // convolution
  std::size_t rows() const {  // of the weight, whose columns are biases()
    return encoder == Encoder::kConvolution ? kernel * embedding : embedding + channels;
  }
  std::size_t biases() const { return encoder == Encoder::kConvolution ? channels : 3 * channels; }
  std::size_t weights() const { return rows() * biases(); }
};

struct Sequence : SequenceShape {
  std::size_t table, weight, bias;  // offsets in floats: [buckets][embedding], [rows()][biases()]
  std::size_t first_input;          // of layer 0
};

class Layout {
 public:
  // An MLP numeric + bag + sequence + one-hot inputs -> hidden... -> outputs; inputs of layer 0 are
  // in this order. `standardised`: the model starts with input.mean and input.scale, `numeric`
  // floats each: a numeric input u becomes clip((u - mean) * scale, -4, 4). A direct bag has the
  // width of the last layer. `adaptive_clip`: merchant.clip_norm follows the buffers of the inputs.
  // `layer_norm`: see layer_norm(). `items`: see items(); `outputs` is then the number of
  // their attributes.
  static Layout Mlp(std::size_t numeric, std::size_t one_hot,
                    const std::vector<std::size_t>& hidden, bool standardised,
                    const std::vector<BagShape>& bags = {}, std::size_t outputs = 1,
                    bool adaptive_clip = false, bool layer_norm = false,
                    const std::vector<SequenceShape>& sequences = {},
                    std::optional<ItemAttributes> items = {});

  // The same shape with a column of the last layer for each item instead of attributes.
  Layout WithFreeItems() const;

  std::size_t size() const { return size_; }
  std::size_t buffers() const { return buffers_; }             // floats before the first parameter
  std::size_t parameters() const { return size_ - buffers_; }  // d of a training sum
  std::size_t numeric() const { return numeric_; }
  std::size_t inputs() const { return layers_.front().in; }
  std::size_t outputs() const { return items_ ? items_->items() : layers_.back().out; }
  std::size_t dense_inputs() const { return dense_; }  // of layer 0: all but one-hot ones
  bool standardised() const { return standardised_; }
  // Before its ReLU a hidden layer's output z becomes (z - mean) / sqrt(variance +
  // kLayerNormEpsilon), both over the units of one row (Ba, Kiros, Hinton 2016, arXiv 1607.06450).
  // Without gain and shift: fewer parameters to put noise on, and no worse (Xu et al. 2019, arXiv
  // 1911.07013).
  bool layer_norm() const { return layer_norm_; }
  // Where merchant mode's current clip norm is; none in other modes. No part of the network.
  const std::optional<std::size_t>& clip_norm() const { return clip_norm_; }
  const std::vector<Layer>& layers() const { return layers_; }
  // What makes the outputs of the last layer's: none where they are the last layer's.
  const std::optional<ItemAttributes>& items() const { return items_; }
  // In plan order.
  const std::vector<Bag>& bags() const { return bags_; }
  const std::vector<Sequence>& sequences() const { return sequences_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }

 private:
  void Add(std::string name, std::vector<std::size_t> shape);
  std::size_t size_ = 0, buffers_ = 0, numeric_ = 0, dense_ = 0;
  bool standardised_ = false, layer_norm_ = false;
  std::optional<std::size_t> clip_norm_;
  std::optional<ItemAttributes> items_;
  std::vector<Layer> layers_;
  std::vector<Bag> bags_;
  std::vector<Sequence> sequences_;
  std::vector<Tensor> tensors_;
};

// The same network without attributes: a column of the last layer for each item, folded in fp64 and
// rounded once. Its scores differ from the model's by rounding alone. Without items: what was
// given.
struct Folded {
  Layout layout;
  ModelVector model;
};
Folded FoldItems(const Layout& layout, const ModelVector& model);

// H("fsa/v1/model" || 0x00 || bytes), bytes = float32 little-endian.
Hash32 ModelHash(const ModelVector& model);
Bytes ModelBytes(const ModelVector& model);
// InvalidArgument when the size is not 4 * expected, or a number is not finite.
absl::StatusOr<ModelVector> ParseModelBytes(ByteView bytes, std::size_t expected);

}  // namespace veilsum::model
