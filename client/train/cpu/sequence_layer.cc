#include "client/train/cpu/sequence_layer.h"

#include <algorithm>

namespace veilsum::client::cpu {

SequenceLayer::SequenceLayer(const model::Sequence& sequence, const model::IdList& list,
                             std::size_t rows)
    : sequence_(sequence),
      list_(list),
      size_(sequence.slots * sequence.embedding + sequence.weights() + sequence.biases()),
      table_(sequence.buckets * sequence.embedding),
      weight_(sequence.weights()),
      bias_(sequence.biases()),
      encodings_(rows, model::SequenceEncoding(sequence)),
      ids_(rows * sequence.slots),
      weights_(rows * sequence.slots),
      delta_(sequence.channels),
      gradient_(rows * size_),
      sum_(table_.size() + weight_.size() + bias_.size()) {}

void SequenceLayer::Load(const model::ModelVector& model) {
  std::copy_n(model.data() + sequence_.table, table_.size(), table_.data());
  std::copy_n(model.data() + sequence_.weight, weight_.size(), weight_.data());
  std::copy_n(model.data() + sequence_.bias, bias_.size(), bias_.data());
  std::fill(sum_.begin(), sum_.end(), 0.0);
}

void SequenceLayer::Fill(std::size_t slot, const std::size_t* row) {
  for (std::size_t k = 0; k < sequence_.slots; ++k) {
    ids_[slot * sequence_.slots + k] = row ? list_.IdsOf(*row)[k] : 0;
    weights_[slot * sequence_.slots + k] = row ? list_.WeightsOf(*row)[k] : 0;
  }
}

void SequenceLayer::Forward(std::size_t slot, float* to) {
  const std::span<const double> made =
      encodings_[slot].Encode({table_, weight_, bias_}, IdsOf(slot), WeightsOf(slot));
  for (std::size_t c = 0; c < made.size(); ++c) to[c] = static_cast<float>(made[c]);
}

void SequenceLayer::Backward(std::size_t slot, const float* weight, std::size_t columns,
                             std::size_t outputs, const float* above) {
  for (std::size_t c = 0; c < sequence_.channels; ++c) {
    double delta = 0;
    for (std::size_t n = 0; n < outputs; ++n)
      delta += static_cast<double>(weight[c * columns + n]) * static_cast<double>(above[n]);
    delta_[c] = static_cast<float>(delta);
  }
  const std::span<double> gradient(gradient_.data() + slot * size_, size_);
  encodings_[slot].Gradient({table_, weight_, bias_}, delta_, gradient.first(embedded()),
                            gradient.subspan(embedded()));
  AddUpIds(slot, gradient.first(embedded()));
}

// To the first place of each id, which then has the gradient of its row of the table: norm and sum
// are taken from the same numbers, and what cancels is gone before either (DP-08). The same work
// whatever the ids are.
void SequenceLayer::AddUpIds(std::size_t slot, std::span<double> embedded) const {
  const std::size_t width = sequence_.embedding;
  const auto ids = IdsOf(slot);
  for (std::size_t t = 1; t < sequence_.slots; ++t) {
    bool moved = false;
    for (std::size_t u = 0; u < t; ++u) {
      const bool here = !moved && ids[u] == ids[t];
      for (std::size_t e = 0; e < width; ++e)
        embedded[u * width + e] += here ? embedded[t * width + e] : 0;
      moved = moved || here;
    }
    for (std::size_t e = 0; e < width; ++e)
      embedded[t * width + e] = moved ? 0 : embedded[t * width + e];
  }
}

// Embeddings of one id are one row of the table, wherever in the sequence they stand.
double SequenceLayer::Dot(std::size_t r, std::size_t s) const {
  const auto left = GradientOf(r), right = GradientOf(s);
  double dot = 0;
  for (std::size_t i = embedded(); i < size_; ++i) dot += left[i] * right[i];
  for (std::size_t t = 0; t < sequence_.slots; ++t)
    for (std::size_t u = 0; u < sequence_.slots; ++u) {
      double both = 0;
      for (std::size_t e = 0; e < sequence_.embedding; ++e)
        both += left[t * sequence_.embedding + e] * right[u * sequence_.embedding + e];
      dot += IdsOf(r)[t] == IdsOf(s)[u] ? both : 0;
    }
  return dot;
}

void SequenceLayer::Accumulate(std::size_t rows, const float* factor) {
  for (std::size_t r = 0; r < rows; ++r) {
    const double c = factor ? static_cast<double>(factor[r]) : 1;
    const auto gradient = GradientOf(r);
    const auto scaled = [&](std::size_t i) {
      const double product = c * gradient[i];
      return c != 0 ? product : 0;
    };
    for (std::size_t i = 0; i < embedded(); ++i) {
      const std::size_t id = IdsOf(r)[i / sequence_.embedding];
      sum_[id * sequence_.embedding + i % sequence_.embedding] += scaled(i);
    }
    for (std::size_t i = embedded(); i < size_; ++i)
      sum_[table_.size() + i - embedded()] += scaled(i);
  }
}

void SequenceLayer::CopySum(std::size_t buffers, std::vector<double>& out) const {
  std::copy(sum_.begin(), sum_.end(),
            out.begin() + static_cast<std::ptrdiff_t>(sequence_.table - buffers));
}

}  // namespace veilsum::client::cpu
