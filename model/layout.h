// Where every number of a model lives: float32, in plan order (SE-18). First the buffers (input
// standardisation, published by the statistics round and not trained), then for each layer its
// weight [in][out], row-major, and its bias.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace veilsum::model {

using ModelVector = std::vector<float>;  // buffers, then parameters; size() == layout.size()

struct Tensor {
  std::string name;  // input.mean, input.scale, layers.<i>.weight, layers.<i>.bias
  std::vector<std::size_t> shape;
  std::size_t offset;  // in floats, from the start of the model
  std::size_t size;    // in floats
};

struct Layer {
  std::size_t in, out;
  std::size_t weight, bias;  // offsets in floats
};

class Layout {
 public:
  // An MLP numeric + one-hot inputs -> hidden... -> 1. `standardised`: the model starts with
  // input.mean and input.scale, `numeric` floats each: a numeric input u becomes clip((u - mean) *
  // scale, -4, 4).
  static Layout Mlp(std::size_t numeric, std::size_t one_hot,
                    const std::vector<std::size_t>& hidden, bool standardised);

  std::size_t size() const { return size_; }
  std::size_t buffers() const { return buffers_; }             // floats before the first parameter
  std::size_t parameters() const { return size_ - buffers_; }  // d of a training sum
  std::size_t numeric() const { return numeric_; }
  std::size_t inputs() const { return layers_.front().in; }
  bool standardised() const { return buffers_ != 0; }
  const std::vector<Layer>& layers() const { return layers_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }

 private:
  void Add(std::string name, std::vector<std::size_t> shape);
  std::size_t size_ = 0, buffers_ = 0, numeric_ = 0;
  std::vector<Layer> layers_;
  std::vector<Tensor> tensors_;
};

// H("fsa/v1/model" || 0x00 || bytes), bytes = float32 little-endian.
Hash32 ModelHash(const ModelVector& model);
Bytes ModelBytes(const ModelVector& model);
// InvalidArgument when the size is not 4 * expected, or a number is not finite.
absl::StatusOr<ModelVector> ParseModelBytes(ByteView bytes, std::size_t expected);

}  // namespace veilsum::model
