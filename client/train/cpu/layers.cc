#include "client/train/cpu/layers.h"

#include <algorithm>

namespace veilsum::client::cpu {
namespace {

double ActiveSquare(std::span<const std::uint32_t> active) {
  std::size_t equal = 0;  // squared norm of the counts
  for (const std::uint32_t left : active)
    for (const std::uint32_t right : active) equal += left == right;
  return 1 + static_cast<double>(equal);  // the bias is an input of value 1
}

}  // namespace

Layers::Layers(const model::Layout& layout, const model::Examples& examples, std::size_t rows,
               bool dropout, const Kernels& kernels)
    : layout_(layout),
      examples_(examples),
      network_(layout, rows, static_cast<std::size_t>(examples.categorical), dropout, kernels),
      example_squares_(examples.rows()),
      active_squares_(rows) {
  for (std::size_t row = 0; row < examples.rows(); ++row)
    example_squares_[row] = ActiveSquare(examples.ActiveOf(row));
  for (const model::Bag& bag : layout.bags())
    bags_.emplace_back(bag, examples.lists[bag.list], rows);
  for (const model::Sequence& sequence : layout.sequences())
    sequences_.emplace_back(sequence, examples.lists[sequence.list], rows);
}

void Layers::Load(const model::ModelVector& model) {
  network_.Load(model);
  for (BagLayer& bag : bags_) bag.Load(model);
  for (SequenceLayer& sequence : sequences_) sequence.Load(model);
  if (!layout_.standardised()) return;
  const auto numeric = static_cast<std::ptrdiff_t>(layout_.numeric());
  mean_.assign(model.begin(), model.begin() + numeric);
  scale_.assign(model.begin() + numeric, model.begin() + 2 * numeric);
}

void Layers::FillNumeric(std::size_t at, std::optional<std::size_t> row) {
  float* x = network_.Numeric(at);
  if (row)
    std::copy_n(examples_.NumericOf(*row).data(), layout_.numeric(), x);
  else
    std::fill_n(x, layout_.numeric(), 0.0f);
  for (std::size_t j = 0; j < mean_.size(); ++j) {
    const float value = (x[j] - mean_[j]) * scale_[j];
    // A NaN stays, so that its customer is left out (DP-09).
    x[j] = value < -4 ? -4 : (value > 4 ? 4 : value);
  }
}

void Layers::Fill(std::size_t at, std::optional<std::size_t> row) {
  FillNumeric(at, row);
  active_squares_[at] = row ? example_squares_[*row] : 1;
  const auto dense = static_cast<std::uint32_t>(layout_.dense_inputs());
  std::uint32_t* active = network_.Active(at);
  for (std::size_t j = 0; j < static_cast<std::size_t>(examples_.categorical); ++j)
    active[j] = row ? examples_.ActiveOf(*row)[j] - dense : 0;
  for (BagLayer& bag : bags_) bag.Fill(at, row ? &*row : nullptr);
  for (SequenceLayer& sequence : sequences_) sequence.Fill(at, row ? &*row : nullptr);
}

void Layers::Forward(std::size_t rows, bool squares, bool dropout) {
  const std::size_t made = layout_.dense_inputs() - layout_.numeric();
  for (std::size_t r = 0; made != 0 && r < rows; ++r) {
    std::fill_n(network_.Numeric(r) + layout_.numeric(), made, 0.0f);
    for (const BagLayer& bag : bags_)
      if (!bag.shape().direct) bag.Forward(r, network_.Numeric(r) + bag.shape().first_input);
    for (SequenceLayer& sequence : sequences_)
      sequence.Forward(r, network_.Numeric(r) + sequence.shape().first_input);
  }
  network_.Forward(rows, squares, dropout);
  for (const BagLayer& bag : bags_)
    for (std::size_t r = 0; bag.shape().direct && r < rows; ++r) bag.Forward(r, network_.Logits(r));
}

void Layers::Backward(std::size_t rows, bool squares, bool dropout) {
  network_.Backward(rows, squares, dropout);
  const std::size_t columns = network_.bag_stride(), outputs = network_.out(0);
  for (BagLayer& bag : bags_)
    for (std::size_t r = 0; r < rows; ++r)
      if (bag.shape().direct)
        std::copy_n(network_.Delta(r), bag.out(), bag.Delta(r));
      else
        bag.Backward(r, network_.BagWeight(bag.shape().first_input), columns, outputs,
                     network_.DeltaRow(0, r));
  for (SequenceLayer& sequence : sequences_)
    for (std::size_t r = 0; r < rows; ++r)
      sequence.Backward(r, network_.BagWeight(sequence.shape().first_input), columns, outputs,
                        network_.DeltaRow(0, r));
}

// fp64 where bags and sequences are: what it rounds is far under 2^-20.
void Layers::RowNorms(std::size_t rows, std::span<double> norm) {
  network_.RowNorms(rows, active_squares_, norm);
  for (BagLayer& bag : bags_)
    for (std::size_t r = 0; r < rows; ++r) norm[r] += bag.InputDot(r, r) * bag.DeltaDot(r, r);
  for (SequenceLayer& sequence : sequences_)
    for (std::size_t r = 0; r < rows; ++r) norm[r] += sequence.Dot(r, r);
}

void Layers::AppendOperands(std::size_t row, std::vector<float>& to) {
  for (std::size_t l = 0; l < network_.layers(); ++l) {
    const float* a = network_.InputRow(l, row);
    const float* delta = network_.DeltaRow(l, row);
    to.insert(to.end(), a, a + network_.dense(l));
    to.insert(to.end(), delta, delta + network_.out(l));
  }
  for (BagLayer& bag : bags_) to.insert(to.end(), bag.Delta(row), bag.Delta(row) + bag.out());
  for (SequenceLayer& sequence : sequences_) {
    const auto gradient = sequence.GradientOf(row);
    to.insert(to.end(), gradient.begin(), gradient.end());
  }
}

void Layers::Accumulate(std::size_t rows, const float* factor) {
  network_.Accumulate(rows, factor);
  for (BagLayer& bag : bags_) bag.Accumulate(rows, factor);
  for (SequenceLayer& sequence : sequences_) sequence.Accumulate(rows, factor);
}

void Layers::CopySum(std::vector<double>& out) const {
  network_.CopySum(out);
  for (const BagLayer& bag : bags_) bag.CopySum(layout_.buffers(), out);
  for (const SequenceLayer& sequence : sequences_) sequence.CopySum(layout_.buffers(), out);
}

void Layers::CopySum(double scale, std::vector<std::int64_t>& out) {
  network_.CopySum(out);
  if (bags_.empty() && sequences_.empty()) return;
  sum_.resize(layout_.parameters());
  const auto round = [&](std::size_t parameter, std::size_t count) {
    const std::size_t at = parameter - layout_.buffers();
    kernels().to_grid(count, sum_.data() + at, scale, out.data() + at);
  };
  for (const BagLayer& bag : bags_) {
    bag.CopySum(layout_.buffers(), sum_);
    round(bag.shape().weight, bag.in() * bag.out());
  }
  for (const SequenceLayer& sequence : sequences_) {
    sequence.CopySum(layout_.buffers(), sum_);
    round(sequence.first_parameter(), sequence.parameters());
  }
}

}  // namespace veilsum::client::cpu
