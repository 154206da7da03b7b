#include "client/train/cpu/engine.h"

#include <absl/cleanup/cleanup.h>

#include <algorithm>
#include <cmath>

#include "client/train/loss.h"

namespace veilsum::client::cpu {
namespace {

constexpr std::uint32_t kNobody = ~std::uint32_t{0};
static_assert(kChainRows >= kMaxRowsPerCustomer && kChainRows % kRowTile == 0);
// Rows of a micro-batch: activations stay in cache, weights are re-read rarely, which matters where
// they do not fit the cache.
std::size_t TargetRows(const model::Layout& layout, std::size_t max_rows) {
  return max_rows == 1 && layout.parameters() > (1u << 17) ? 4 * kChainRows : kChainRows;
}

// Rounding each scattered number to the grid would move a customer's vector by at most this, grid
// units.
double ScatteredError(const model::Layout& layout, const model::Examples& examples,
                      std::size_t max_rows) {
  const double touches = static_cast<double>(max_rows) * examples.categorical;
  return touches * 0.5 * std::sqrt(static_cast<double>(layout.layers().front().out));
}

double ActiveSquare(std::span<const std::uint32_t> active) {
  std::size_t equal = 0;  // squared norm of the counts
  for (const std::uint32_t left : active)
    for (const std::uint32_t right : active) equal += left == right;
  return 1 + static_cast<double>(equal);  // the bias is an input of value 1
}

absl::Status CheckExamples(const model::Layout& layout, const model::Examples& examples,
                           std::uint32_t max_rows, const model::Heads& heads) {
  if (max_rows == 0 || max_rows > kMaxRowsPerCustomer)
    return InvalidArgument("max_rows is %d, must be from 1 to %d", max_rows, kMaxRowsPerCustomer);
  const auto numeric = static_cast<std::size_t>(examples.numeric);
  const auto categorical = static_cast<std::size_t>(examples.categorical);
  if (numeric != layout.numeric())
    return InvalidArgument("examples have %d numeric features, the model %d", numeric,
                           layout.numeric());
  if (examples.numeric_values.size() != examples.rows() * numeric ||
      examples.active_inputs.size() != examples.rows() * categorical ||
      examples.more_labels.size() != examples.rows() * (heads.size() - 1) ||
      examples.first_row.empty() ||
      (heads.front().loss == model::Loss::kTemporal &&
       examples.rewards.size() != examples.rows()) ||
      examples.first_row.front() != 0 || examples.first_row.back() != examples.rows())
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
                                                       const Kernels& kernels, model::Heads heads,
                                                       double dropout) {
  if (heads.empty()) heads.push_back({});
  VEILSUM_RETURN_IF_ERROR(CheckHeads(heads, layout.outputs()));
  if (layout.items() && (heads.size() != 1 || heads.front().loss != model::Loss::kSoftmax))
    return InvalidArgument("items with attributes are for one softmax");
  VEILSUM_RETURN_IF_ERROR(CheckExamples(layout, examples, max_rows, heads));
  if (!(dropout >= 0 && dropout < 1))
    return InvalidArgument("dropout is %g, must be at least 0 and below 1", dropout);
  return std::unique_ptr<Engine>(
      new Engine(layout, examples, max_rows, kernels, std::move(heads), dropout));
}

Engine::Engine(const model::Layout& layout, const model::Examples& examples, std::uint32_t max_rows,
               const Kernels& kernels, model::Heads heads, double dropout)
    : layout_(layout),
      examples_(examples),
      heads_(std::move(heads)),
      max_rows_(max_rows),
      target_rows_(TargetRows(layout, max_rows)),
      dropout_(layout, examples, max_rows, dropout),
      network_(layout, target_rows_, static_cast<std::size_t>(examples.categorical), dropout_.on(),
               kernels),
      items_(heads_, examples, max_rows),
      example_active_squares_(examples.rows()),
      seen_(examples.customers()),
      labels_(target_rows_ * heads_.size()),
      rewards_(target_rows_),
      factors_(target_rows_),
      live_(target_rows_),
      active_squares_(target_rows_),
      norms_(target_rows_),
      bad_(target_rows_),
      input_gram_(max_rows_ * max_rows_),
      delta_gram_(max_rows_ * max_rows_),
      scores_(layout.items() ? layout.outputs() : 0),
      score_deltas_(scores_.size()) {
  for (std::size_t row = 0; row < examples.rows(); ++row)
    example_active_squares_[row] = ActiveSquare(examples.ActiveOf(row));
  for (const model::Bag& bag : layout.bags())
    bags_.emplace_back(bag, examples.lists[bag.list], target_rows_);
  for (const model::Sequence& sequence : layout.sequences())
    sequences_.emplace_back(sequence, examples.lists[sequence.list], target_rows_);
}

absl::Status Engine::Start(const model::ModelVector& model,
                           std::span<const std::uint32_t> customers,
                           std::span<const std::uint32_t> slots, std::uint32_t padded_customers) {
  // The number of sampled customers is secret: no message may hold it.
  if (customers.size() > padded_customers)
    return InvalidArgument("DP-06: more customers than padded_customers = %d", padded_customers);
  if (!slots.empty() && slots.size() != customers.size())
    return InvalidArgument("customers and slots differ in number");
  if ((dropout_.on() && !dropout_.has_key()) || (items_.on() && !items_.has_key()))
    return InvalidArgument("DP-09: a step with dropout or sampled negatives needs a fresh key");
  std::fill(seen_.begin(), seen_.end(), 0);
  seats_.assign(padded_customers, kNobody);
  for (std::size_t i = 0; i < customers.size(); ++i) {
    const std::uint32_t u = customers[i];
    if (u >= seen_.size()) return InvalidArgument("a customer index is out of range");
    if (seen_[u]++ != 0) return InvalidArgument("DP-02: a customer is in the sum twice");
    const std::size_t slot = slots.empty() ? i : slots[i];
    if (slot >= padded_customers || seats_[slot] != kNobody)
      return InvalidArgument("DP-02: slots must be different and below padded_customers = %d",
                             padded_customers);
    seats_[slot] = u;
  }
  return Load(model);
}

absl::Status Engine::Load(const model::ModelVector& model) {
  if (model.size() != layout_.size())
    return InvalidArgument("model has %d numbers, must have %d", model.size(), layout_.size());
  network_.Load(model);
  for (BagLayer& bag : bags_) bag.Load(model);
  for (SequenceLayer& sequence : sequences_) sequence.Load(model);
  if (!layout_.standardised()) return absl::OkStatus();
  const auto numeric = static_cast<std::ptrdiff_t>(layout_.numeric());
  mean_.assign(model.begin(), model.begin() + numeric);
  scale_.assign(model.begin() + numeric, model.begin() + 2 * numeric);
  return absl::OkStatus();
}

// Without a row: a filler, computed like any other and left out of the sum.
void Engine::FillRow(std::size_t at, std::optional<std::size_t> row) {
  const std::size_t numeric = layout_.numeric(), dense = layout_.dense_inputs();
  const std::size_t more = heads_.size() - 1;
  float* x = network_.Numeric(at);
  live_[at] = row ? 1 : 0;
  labels_[at * heads_.size()] = row ? examples_.labels[*row] : 0;
  for (std::size_t h = 0; h < more; ++h)
    labels_[at * heads_.size() + 1 + h] = row ? examples_.more_labels[*row * more + h] : 0;
  if (!examples_.rewards.empty()) rewards_[at] = row ? examples_.rewards[*row] : 0;
  active_squares_[at] = row ? example_active_squares_[*row] : 1;
  if (row)
    std::copy_n(examples_.NumericOf(*row).data(), numeric, x);
  else
    std::fill_n(x, numeric, 0.0f);
  for (std::size_t j = 0; j < mean_.size(); ++j) {
    const float value = (x[j] - mean_[j]) * scale_[j];
    // A NaN stays, so that its customer is left out (DP-09).
    x[j] = value < -4 ? -4 : (value > 4 ? 4 : value);
  }
  std::uint32_t* active = network_.Active(at);
  for (std::size_t j = 0; j < static_cast<std::size_t>(examples_.categorical); ++j)
    active[j] = row ? examples_.ActiveOf(*row)[j] - static_cast<std::uint32_t>(dense) : 0;
  for (BagLayer& bag : bags_) bag.Fill(at, row ? &*row : nullptr);
  for (SequenceLayer& sequence : sequences_) sequence.Fill(at, row ? &*row : nullptr);
}

// Row c * max_rows + j holds row j of the customer in slot first + c: all rows of a customer are in
// one micro-batch (DP-08). Returns the rows to work on.
std::size_t Engine::FillBatch(std::size_t first_slot, std::size_t customers) {
  const std::size_t rows = RoundUp(customers * max_rows_, kRowTile);
  for (std::size_t at = 0; at < rows; ++at) {
    const std::size_t c = at / max_rows_, j = at % max_rows_;
    const std::uint32_t u = c < customers ? seats_[first_slot + c] : kNobody;
    std::optional<std::size_t> row;
    if (u != kNobody && examples_.first_row[u] + j < examples_.first_row[u + 1])
      row = examples_.first_row[u] + j;
    FillRow(at, row);
    if (dropout_.on()) DropUnits(at, u, j);
  }
  return rows;
}

void Engine::DropUnits(std::size_t at, std::uint32_t customer, std::size_t row) {
  std::optional<std::uint32_t> known;
  if (customer != kNobody) known = customer;
  network_.SetFactors(at, dropout_.Factors(known, row));
}

void Engine::Forward(std::size_t rows, bool squares, bool dropout) {
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

void Engine::Backward(std::size_t rows, bool squares) {
  network_.Backward(rows, squares, dropout_.on());
  for (BagLayer& bag : bags_)
    for (std::size_t r = 0; r < rows; ++r)
      if (bag.shape().direct)
        std::copy_n(network_.Delta(r), bag.out(), bag.Delta(r));
      else
        bag.Backward(r, network_.BagWeight(bag.shape().first_input), network_.bag_stride(),
                     network_.out(0), network_.DeltaRow(0, r));
  for (SequenceLayer& sequence : sequences_)
    for (std::size_t r = 0; r < rows; ++r)
      sequence.Backward(r, network_.BagWeight(sequence.shape().first_input), network_.bag_stride(),
                        network_.out(0), network_.DeltaRow(0, r));
}

std::optional<std::uint32_t> Engine::CustomerAt(std::size_t first_slot, std::size_t at) const {
  const std::size_t slot = first_slot + at / max_rows_;
  if (slot >= seats_.size() || seats_[slot] == kNobody) return std::nullopt;
  return seats_[slot];
}

const float* Engine::OutputsOf(std::size_t row) {
  if (!layout_.items()) return network_.Logits(row);
  layout_.items()->Scores({network_.Logits(row), network_.outputs()}, scores_);
  return scores_.data();
}

void Engine::SetDeltas(std::size_t first_slot, std::size_t rows) {
  for (std::size_t r = 0; r < rows; ++r) {
    const float* logits = OutputsOf(r);
    float* delta = layout_.items() ? score_deltas_.data() : network_.Delta(r);
    const float* label = labels_.data() + r * heads_.size();
    if (heads_.front().loss == model::Loss::kTemporal) {
      ActionDelta(heads_.front(), logits, *label, TargetOf(first_slot, r), delta);
      continue;
    }
    const float* counts = nullptr;
    if (items_.on()) counts = items_.Weights(CustomerAt(first_slot, r), r % max_rows_).data();
    for (const model::Head& head : heads_) {
      HeadDelta(head, logits, *label++, delta, counts);
      logits += head.outputs;
      delta += head.outputs;
      counts = nullptr;
    }
    if (layout_.items())
      layout_.items()->Back(score_deltas_, {network_.Delta(r), network_.outputs()});
  }
}

// What the target model says of all rows of the call: one more forward pass of a public shape.
absl::Status Engine::FindTargets(const model::ModelVector& model, std::size_t customers_of_batch) {
  if (heads_.front().loss != model::Loss::kTemporal) return absl::OkStatus();
  if (target_.empty() || (sums_ != 0 && sums_ % heads_.front().target_every == 0)) target_ = model;
  VEILSUM_RETURN_IF_ERROR(Load(target_));
  best_.assign(seats_.size() * max_rows_, 0);
  for (std::size_t first = 0; first < seats_.size(); first += customers_of_batch) {
    const std::size_t customers = std::min(customers_of_batch, seats_.size() - first);
    Forward(FillBatch(first, customers), false, false);
    for (std::size_t at = 0; at < customers * max_rows_; ++at)
      best_[first * max_rows_ + at] = BestValue(network_.Logits(at), network_.outputs());
  }
  ++sums_;
  return Load(model);
}

// The reward, and after it the best that the customer's next row can have.
double Engine::TargetOf(std::size_t first_slot, std::size_t at) const {
  const bool more = live_[at] != 0 && at % max_rows_ + 1 < max_rows_ && live_[at + 1] != 0;
  const double next = more ? best_[first_slot * max_rows_ + at + 1] : 0;
  return static_cast<double>(rewards_[at]) + heads_.front().discount * next;
}

void Engine::ForgetKey() {
  dropout_.ForgetKey();
  items_.ForgetKey();
}

double Engine::Factor(std::size_t customer, double limit) {
  const std::size_t first = customer * max_rows_;
  CertifiedNorm norm;
  const auto add = [&](auto&& input_dot, auto&& delta_dot, std::size_t in, std::size_t out) {
    for (std::size_t i = 0; i < max_rows_; ++i)
      for (std::size_t j = i; j < max_rows_; ++j) {
        const bool real = live_[first + i] * live_[first + j] != 0;
        const double inputs = input_dot(first + i, first + j);
        const double deltas = delta_dot(first + i, first + j);
        if (i == j && !(std::isfinite(inputs) && std::isfinite(deltas))) bad_[first + i] = 1;
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
  for (SequenceLayer& sequence : sequences_)  // whole gradients: inner products of their own
    add([&](std::size_t r, std::size_t s) { return sequence.Dot(r, s); },
        [](std::size_t, std::size_t) { return 1.0; }, sequence.parameters(), 1);
  return norm.Factor(limit, CancellationLimit(max_rows_));
}

void Engine::SetFactors(std::size_t rows, std::size_t customers, double limit) {
  if (max_rows_ == 1) {
    network_.RowNorms(rows, active_squares_, norms_);
    for (BagLayer& bag : bags_)
      for (std::size_t r = 0; r < rows; ++r)  // fp64: what it rounds is far under 2^-20
        norms_[r] += bag.InputDot(r, r) * bag.DeltaDot(r, r);
    for (SequenceLayer& sequence : sequences_)
      for (std::size_t r = 0; r < rows; ++r) norms_[r] += sequence.Dot(r, r);
    network_.kernels().factors(rows, norms_.data(), limit, factors_.data());
  } else {
    std::fill(factors_.begin(), factors_.end(), 0.0f);
    std::fill(bad_.begin(), bad_.end(), 0);
    for (std::size_t c = 0; c < customers; ++c)
      std::fill_n(factors_.begin() + static_cast<std::ptrdiff_t>(c * max_rows_), max_rows_,
                  static_cast<float>(Factor(c, limit)));
  }
  for (std::size_t r = 0; r < rows; ++r) {
    if (factors_[r] == 0 || bad_[r] != 0) network_.ClearRow(r);  // DP-09; also of a filler
    factors_[r] *= live_[r];
  }
}

// Only for sums without privacy: it looks at which slots are taken.
bool Engine::AllLive(std::size_t rows) const {
  return std::all_of(live_.begin(), live_.begin() + static_cast<std::ptrdiff_t>(rows),
                     [](float live) { return live != 0; });
}

void Engine::Record(std::size_t first_slot, std::size_t customers) {
  for (std::size_t c = 0; c < customers; ++c) {
    const std::uint32_t u = seats_[first_slot + c];
    if (u == kNobody) continue;
    std::vector<float>& operands = trace_->operands.emplace_back();
    trace_->factors.push_back(static_cast<double>(factors_[c * max_rows_]));
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
    for (SequenceLayer& sequence : sequences_)
      for (std::size_t j = 0; j < examples_.first_row[u + 1] - examples_.first_row[u]; ++j) {
        const auto gradient = sequence.GradientOf(c * max_rows_ + j);
        operands.insert(operands.end(), gradient.begin(), gradient.end());
      }
  }
}

void Engine::Step(const MicroBatches& cut, bool clipped) {
  std::size_t held = 0;
  bool flushed = false;
  for (std::size_t first = 0; first < seats_.size(); first += cut.customers) {
    const std::size_t customers = std::min(cut.customers, seats_.size() - first);
    const std::size_t rows = FillBatch(first, customers);
    const bool squares = clipped && max_rows_ == 1;
    Forward(rows, squares, dropout_.on());
    SetDeltas(first, rows);
    Backward(rows, squares);
    if (clipped) SetFactors(rows, customers, cut.limit);
    if (trace_) Record(first, customers);
    const float* factors = clipped ? factors_.data() : AllLive(rows) ? nullptr : live_.data();
    network_.Accumulate(rows, factors);
    for (BagLayer& bag : bags_) bag.Accumulate(rows, factors);
    for (SequenceLayer& sequence : sequences_) sequence.Accumulate(rows, factors);
    if (++held == cut.flush) {
      network_.Flush();
      held = 0;
      flushed = true;
    }
  }
  if (flushed) network_.Flush();
}

absl::StatusOr<std::span<const double>> Engine::Sum(const model::ModelVector& model,
                                                    std::span<const std::uint32_t> customers,
                                                    std::uint32_t padded_customers,
                                                    std::optional<double> clip_norm) {
  const absl::Cleanup forget = [this] { ForgetKey(); };
  VEILSUM_RETURN_IF_ERROR(Start(model, customers, {}, padded_customers));
  VEILSUM_RETURN_IF_ERROR(FindTargets(model, target_rows_ / max_rows_));
  network_.StartSum(0);
  Step({.customers = target_rows_ / max_rows_, .limit = clip_norm.value_or(0)},
       clip_norm.has_value());
  network_.CopySum(sum_);
  for (const BagLayer& bag : bags_) bag.CopySum(layout_.buffers(), sum_);
  for (const SequenceLayer& sequence : sequences_) sequence.CopySum(layout_.buffers(), sum_);
  return std::span<const double>(sum_);
}

absl::StatusOr<std::vector<std::int64_t>> Engine::GridSum(const model::ModelVector& model,
                                                          std::span<const std::uint32_t> customers,
                                                          const StepShape& shape,
                                                          std::span<const std::uint32_t> slots) {
  const absl::Cleanup forget = [this] { ForgetKey(); };
  VEILSUM_RETURN_IF_ERROR(CheckShape(shape));
  VEILSUM_ASSIGN_OR_RETURN(
      const MicroBatches cut,
      CutStep(shape, max_rows_, target_rows_, ScatteredError(layout_, examples_, max_rows_)));
  VEILSUM_RETURN_IF_ERROR(Start(model, customers, slots, shape.padded_customers));
  VEILSUM_RETURN_IF_ERROR(FindTargets(model, cut.customers));
  network_.StartSum(static_cast<float>(shape.scale), cut.finer);
  Step(cut, true);
  std::vector<std::int64_t> grid;
  network_.CopySum(grid);
  // Sums of bags and sequences are fp64 over the whole step and rounded once, which fp_err covers.
  if (!bags_.empty() || !sequences_.empty()) sum_.resize(layout_.parameters());
  for (const BagLayer& bag : bags_) {
    bag.CopySum(layout_.buffers(), sum_);
    const std::size_t at = bag.shape().weight - layout_.buffers();
    network_.kernels().to_grid(bag.in() * bag.out(), sum_.data() + at, shape.scale,
                               grid.data() + at);
  }
  for (const SequenceLayer& sequence : sequences_) {
    sequence.CopySum(layout_.buffers(), sum_);
    const std::size_t at = sequence.first_parameter() - layout_.buffers();
    network_.kernels().to_grid(sequence.parameters(), sum_.data() + at, shape.scale,
                               grid.data() + at);
  }
  return grid;
}

absl::StatusOr<std::vector<float>> Engine::Logits(const model::ModelVector& model) {
  VEILSUM_RETURN_IF_ERROR(Load(model));
  std::vector<float> logits;
  for (std::size_t first = 0; first < examples_.rows(); first += target_rows_) {
    const std::size_t count = std::min(target_rows_, examples_.rows() - first);
    for (std::size_t r = 0; r < count; ++r) FillRow(r, first + r);
    Forward(RoundUp(count, kRowTile), false, false);
    for (std::size_t r = 0; r < count; ++r) {
      const float* outputs = OutputsOf(r);
      logits.insert(logits.end(), outputs, outputs + layout_.outputs());
    }
  }
  return logits;
}

}  // namespace veilsum::client::cpu
