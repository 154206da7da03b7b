#include "client/train/cpu/engine.h"

#include <algorithm>
#include <cmath>

#include "client/train/cpu/clip.h"

namespace veilsum::client::cpu {
namespace {

// Rows of a micro-batch: what keeps activations in cache for small models, and re-reads of the
// weights rare for large.
std::size_t TargetRows(const model::Layout& layout) {
  return layout.parameters() > (1u << 17) ? 128 : 32;
}

std::size_t BatchCustomers(const model::Layout& layout, std::size_t max_rows) {
  return std::max<std::size_t>(1, TargetRows(layout) / max_rows);
}

absl::Status CheckExamples(const model::Layout& layout, const model::Examples& examples,
                           std::uint32_t max_rows) {
  if (max_rows == 0 || max_rows > kMaxRowsPerCustomer)
    return InvalidArgument("max_rows is %d, must be from 1 to %d", max_rows, kMaxRowsPerCustomer);
  const auto numeric = static_cast<std::size_t>(examples.numeric);
  const auto categorical = static_cast<std::size_t>(examples.categorical);
  if (numeric != layout.numeric())
    return InvalidArgument("examples have %d numeric features, the model %d", numeric,
                           layout.numeric());
  if (layout.layers().back().out != 1) return InvalidArgument("the model must have one output");
  if (examples.numeric_values.size() != examples.rows() * numeric ||
      examples.active_inputs.size() != examples.rows() * categorical ||
      examples.first_row.empty() || examples.first_row.front() != 0 ||
      examples.first_row.back() != examples.rows())
    return InvalidArgument("examples: sizes of rows and customers do not agree");
  for (std::size_t u = 0; u < examples.customers(); ++u)
    if (examples.first_row[u + 1] < examples.first_row[u] ||
        examples.first_row[u + 1] - examples.first_row[u] > max_rows)
      return InvalidArgument("a customer has more than max_rows = %d rows", max_rows);
  for (const std::uint32_t input : examples.active_inputs)
    if (input < layout.dense_inputs() || input >= layout.inputs())
      return InvalidArgument("active input %d is not from %d to %d", input, layout.dense_inputs(),
                             layout.inputs() - 1);
  return model::CheckLists(layout, examples);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(const model::Layout& layout,
                                                       const model::Examples& examples,
                                                       std::uint32_t max_rows,
                                                       const Kernels& kernels) {
  VEILSUM_RETURN_IF_ERROR(CheckExamples(layout, examples, max_rows));
  return std::unique_ptr<Engine>(new Engine(layout, examples, max_rows, kernels));
}

Engine::Engine(const model::Layout& layout, const model::Examples& examples, std::uint32_t max_rows,
               const Kernels& kernels)
    : layout_(layout),
      examples_(examples),
      max_rows_(max_rows),
      batch_customers_(BatchCustomers(layout, max_rows)),
      network_(layout, RoundUp(batch_customers_ * max_rows, kRowTile),
               static_cast<std::size_t>(examples.categorical), kernels),
      seen_(examples.customers()),
      labels_(network_.rows()),
      live_(network_.rows()),
      factors_(network_.rows()),
      input_gram_(max_rows_ * max_rows_),
      delta_gram_(max_rows_ * max_rows_) {
  for (const model::Bag& bag : layout.bags())
    bags_.emplace_back(bag, examples.lists[bag.list], network_.rows());
}

absl::Status Engine::CheckCall(const model::ModelVector& model,
                               std::span<const std::uint32_t> customers,
                               std::uint32_t padded_customers) {
  if (model.size() != layout_.size())
    return InvalidArgument("model has %d numbers, must have %d", model.size(), layout_.size());
  // The number of sampled customers is secret: no message may hold it.
  if (customers.size() > padded_customers)
    return InvalidArgument("DP-06: more customers than padded_customers = %d", padded_customers);
  std::fill(seen_.begin(), seen_.end(), 0);
  for (const std::uint32_t u : customers) {
    if (u >= seen_.size()) return InvalidArgument("a customer index is out of range");
    if (seen_[u]++ != 0) return InvalidArgument("DP-02: a customer is in the sum twice");
  }
  return absl::OkStatus();
}

void Engine::LoadBuffers(const model::ModelVector& model) {
  network_.Load(model);
  for (BagLayer& bag : bags_) bag.Load(model);
  if (!layout_.standardised()) return;
  const auto numeric = static_cast<std::ptrdiff_t>(layout_.numeric());
  mean_.assign(model.begin(), model.begin() + numeric);
  scale_.assign(model.begin() + numeric, model.begin() + 2 * numeric);
}

// Without a row: a filler, computed like any other and left out of the sum.
void Engine::FillRow(std::size_t slot, std::optional<std::size_t> row) {
  const std::size_t numeric = layout_.numeric();
  float* x = network_.Numeric(slot);
  std::uint32_t* active = network_.Active(slot);
  const auto categorical = static_cast<std::size_t>(examples_.categorical);
  live_[slot] = row ? ~std::uint64_t{0} : 0;
  labels_[slot] = row ? examples_.labels[*row] : 0;
  const float* u = row ? examples_.NumericOf(*row).data() : nullptr;
  for (std::size_t j = 0; j < numeric; ++j) {
    float value = u ? u[j] : 0;
    if (!mean_.empty()) {
      value = (value - mean_[j]) * scale_[j];
      value =
          value < -4
              ? -4
              : (value > 4 ? 4 : value);  // a NaN stays, so that its customer is left out (DP-09)
    }
    x[j] = value;
  }
  for (std::size_t j = 0; j < categorical; ++j)
    active[j] = network_.Packed(row ? examples_.ActiveOf(*row)[j]
                                    : static_cast<std::uint32_t>(layout_.dense_inputs()));
  for (BagLayer& bag : bags_) bag.Fill(slot, row ? &*row : nullptr);
}

// Slot c * max_rows + j holds row j of customers[first + c]. All rows of a customer are in one
// micro-batch (DP-08).
void Engine::FillBatch(std::span<const std::uint32_t> customers, std::size_t first) {
  for (std::size_t slot = 0; slot < network_.rows(); ++slot) {
    const std::size_t c = slot / max_rows_, j = slot % max_rows_;
    std::optional<std::size_t> row;
    if (c < batch_customers_ && first + c < customers.size()) {
      const std::uint32_t u = customers[first + c];
      if (examples_.first_row[u] + j < examples_.first_row[u + 1]) row = examples_.first_row[u] + j;
    }
    FillRow(slot, row);
  }
}

void Engine::Forward() {
  for (std::size_t r = 0; r < network_.rows(); ++r) {
    std::fill_n(network_.Numeric(r) + layout_.numeric(), layout_.dense_inputs() - layout_.numeric(),
                0.0f);
    for (const BagLayer& bag : bags_)
      if (!bag.shape().direct) bag.Forward(r, network_.Numeric(r) + bag.shape().first_input);
  }
  network_.Forward();
  for (const BagLayer& bag : bags_)
    for (std::size_t r = 0; bag.shape().direct && r < network_.rows(); ++r)
      bag.Forward(r, network_.Outputs(r));
}

void Engine::Backward() {
  network_.Backward();
  for (BagLayer& bag : bags_)
    for (std::size_t r = 0; r < network_.rows(); ++r)
      if (bag.shape().direct)
        std::copy_n(network_.DeltaRow(network_.layers() - 1, r), bag.out(), bag.Delta(r));
      else
        bag.Backward(r, network_.WeightOf(0, bag.shape().first_input), network_.width(0),
                     network_.out(0), network_.DeltaRow(0, r));
}

// d/dz of log(1 + e^z) - y z, in fp64 and rounded once.
void Engine::SetDeltas() {
  for (std::size_t r = 0; r < network_.rows(); ++r) {
    const double probability = 1 / (1 + std::exp(-static_cast<double>(network_.Logit(r))));
    network_.SetDelta(r, static_cast<float>(probability - static_cast<double>(labels_[r])));
  }
}

double Engine::Factor(std::size_t customer_slot, double clip_norm) {
  const std::size_t first = customer_slot * max_rows_;
  CertifiedNorm norm;
  const auto add = [&](auto&& input_dot, auto&& delta_dot, std::size_t in, std::size_t out) {
    for (std::size_t i = 0; i < max_rows_; ++i)
      for (std::size_t j = i; j < max_rows_; ++j) {
        const bool real = (live_[first + i] & live_[first + j]) != 0;
        const double inputs = input_dot(first + i, first + j);
        const double deltas = delta_dot(first + i, first + j);
        input_gram_[i * max_rows_ + j] = input_gram_[j * max_rows_ + i] = real ? inputs : 0;
        delta_gram_[i * max_rows_ + j] = delta_gram_[j * max_rows_ + i] = real ? deltas : 0;
      }
    norm.AddLayer(in, out, max_rows_, input_gram_, delta_gram_);
  };
  for (std::size_t l = 0; l < network_.layers(); ++l)
    add([&](std::size_t r, std::size_t s) { return network_.InputDot(l, r, s); },
        [&](std::size_t r, std::size_t s) { return network_.DeltaDot(l, r, s); }, network_.in(l),
        network_.out(l));
  for (BagLayer& bag : bags_)
    add([&](std::size_t r, std::size_t s) { return bag.InputDot(r, s); },
        [&](std::size_t r, std::size_t s) { return bag.DeltaDot(r, s); }, bag.in(), bag.out());
  return norm.Factor(clip_norm);
}

void Engine::SetFactors(std::optional<double> clip_norm) {
  if (clip_norm) network_.SquareRows();
  for (std::size_t c = 0; c < batch_customers_; ++c) {
    const double factor = clip_norm ? Factor(c, *clip_norm) : 1;
    for (std::size_t j = 0; j < max_rows_; ++j) {
      factors_[c * max_rows_ + j] = factor;
      if (factor == 0) live_[c * max_rows_ + j] = 0;  // its rows are overwritten with zeros (DP-09)
    }
  }
}

void Engine::Record(std::span<const std::uint32_t> customers, std::size_t first) {
  for (std::size_t c = 0; c < batch_customers_ && first + c < customers.size(); ++c) {
    std::vector<float>& operands = trace_->operands.emplace_back();
    trace_->factors.push_back(factors_[c * max_rows_]);
    const std::uint32_t u = customers[first + c];
    for (std::size_t j = 0; j < examples_.first_row[u + 1] - examples_.first_row[u]; ++j)
      for (std::size_t l = 0; l < network_.layers(); ++l) {
        const float* a = network_.InputRow(l, c * max_rows_ + j);
        const float* delta = network_.DeltaRow(l, c * max_rows_ + j);
        operands.insert(operands.end(), a, a + network_.dense(l));
        operands.insert(operands.end(), delta, delta + network_.out(l));
      }
    for (BagLayer& bag : bags_)
      for (std::size_t j = 0; j < examples_.first_row[u + 1] - examples_.first_row[u]; ++j) {
        const float* delta = bag.Delta(c * max_rows_ + j);
        operands.insert(operands.end(), delta, delta + bag.out());
      }
  }
}

absl::StatusOr<std::span<const double>> Engine::Sum(const model::ModelVector& model,
                                                    std::span<const std::uint32_t> customers,
                                                    std::uint32_t padded_customers,
                                                    std::optional<double> clip_norm) {
  VEILSUM_RETURN_IF_ERROR(CheckCall(model, customers, padded_customers));
  LoadBuffers(model);
  for (std::size_t first = 0; first < padded_customers; first += batch_customers_) {
    FillBatch(customers, first);
    Forward();
    SetDeltas();
    Backward();
    SetFactors(clip_norm);
    if (trace_) Record(customers, first);
    network_.Accumulate(factors_.data(), live_.data());
    for (BagLayer& bag : bags_) bag.Accumulate(factors_.data(), live_.data());
  }
  network_.CopySum(layout_, sum_);
  for (const BagLayer& bag : bags_) bag.CopySum(layout_.buffers(), sum_);
  return std::span<const double>(sum_);
}

absl::StatusOr<std::vector<std::int64_t>> Engine::GridSum(const model::ModelVector& model,
                                                          std::span<const std::uint32_t> customers,
                                                          const StepShape& shape) {
  VEILSUM_RETURN_IF_ERROR(CheckShape(shape));
  VEILSUM_ASSIGN_OR_RETURN(const std::span<const double> sum,
                           Sum(model, customers, shape.padded_customers, shape.clip_norm));
  std::vector<std::int64_t> grid(sum.size());
  network_.kernels().to_grid(sum.size(), sum.data(), shape.scale, grid.data());
  return grid;
}

absl::StatusOr<std::vector<float>> Engine::Logits(const model::ModelVector& model) {
  VEILSUM_RETURN_IF_ERROR(CheckCall(model, {}, 0));
  LoadBuffers(model);
  std::vector<float> logits;
  for (std::size_t first = 0; first < examples_.rows(); first += network_.rows()) {
    const std::size_t count = std::min(network_.rows(), examples_.rows() - first);
    for (std::size_t r = 0; r < count; ++r) FillRow(r, first + r);
    Forward();
    for (std::size_t r = 0; r < count; ++r) logits.push_back(network_.Logit(r));
  }
  return logits;
}

}  // namespace veilsum::client::cpu
