// What the libtorch engine computes: an MLP with ReLU as model::Layout has it, said in the standard
// library alone (SE-31). Inputs of layer 0 are, in this order, numeric ones, what bags and what
// sequences make, and one-hot ones.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace veilsum::client::torch_engine {

// As model::Head.
enum class Loss { kLogistic, kSoftmax, kSquared, kHuber, kTemporal };
struct Head {
  Loss loss = Loss::kLogistic;
  std::size_t outputs = 1;  // at least 2 for kSoftmax and kTemporal, else 1
  double weight = 1;
  double huber = 1;
  double discount = 0;  // kTemporal, which must be the only head; in [0, 1)
};

// As model::BagShape: an embedding bag, or, direct, a linear path around the hidden layers.
struct Bag {
  std::size_t list = 0;  // of the batch
  std::size_t buckets = 1, width = 1;
  bool direct = false;  // its width is then the last layer's
};

// As model::SequenceShape.
struct Sequence {
  std::size_t list = 0;  // of the batch
  std::size_t buckets = 1, embedding = 1, channels = 1;
  std::size_t kernel = 0;  // positions of a convolution's window; 0: a gated recurrent unit

  std::size_t rows() const { return kernel > 0 ? kernel * embedding : embedding + channels; }
  std::size_t columns() const { return kernel > 0 ? channels : 3 * channels; }
};

struct Net {
  std::vector<std::size_t> widths;     // inputs, hidden layers, outputs
  std::vector<Head> heads = {Head{}};  // consecutive outputs, in order
  double layer_norm_epsilon = 0;       // of hidden layers, before the ReLU; 0: no layer norm
  std::size_t one_hot = 0;             // inputs that are 0 or 1
  // Rows are summed in fp64, whose products of fp32 are exact, as a privacy claim needs (DP-02);
  // else in fp32.
  bool exact_sums = true;
  std::vector<Bag> bags = {};
  std::vector<Sequence> sequences = {};
  // Items with attributes: outputs of the last layer are attributes, and an item's score is their
  // sum weighted by its column, attributes x items, row-major. Needs one kSoftmax of as many
  // outputs as items. Empty: no items.
  std::vector<float> item_weights = {};
};

// Of layer 0.
std::size_t NumericInputs(const Net& net);
std::size_t DenseInputs(const Net& net);  // all but one-hot ones
std::size_t HiddenUnits(const Net& net);  // of all layers
std::size_t Items(const Net& net);        // 0: none

// For each layer its weight [in][out], row-major, and its bias; then the bags' tables
// [buckets][width]; then of each sequence table [buckets][embedding], weight [rows][columns] and
// bias.
std::size_t Parameters(const Net& net);

// Empty, or what is wrong; it names the field.
std::string NetError(const Net& net);

}  // namespace veilsum::client::torch_engine
