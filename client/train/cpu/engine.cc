#include "client/train/cpu/engine.h"

#include <absl/cleanup/cleanup.h>

#include <algorithm>
#include <cmath>

#include "client/train/cpu/check_examples.h"
#include "client/train/loss.h"

namespace veilsum::client::cpu {
namespace {

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
      seats_(examples.customers()),
      dropout_(layout, examples, max_rows, dropout),
      layers_(layout, examples, target_rows_, dropout_.on(), kernels),
      rows_(examples, target_rows_, heads_.size()),
      losses_(layout, examples, heads_, max_rows),
      factors_(target_rows_, max_rows) {}

void Engine::SetStepKey(const Secret<32>& key) {
  dropout_.SetKey(key);
  losses_.items().SetKey(key);
}

void Engine::ForgetKey() {
  dropout_.ForgetKey();
  losses_.items().ForgetKey();
}

void Engine::SetTarget(const model::ModelVector& model) { losses_.targets().Set(model); }

absl::Status Engine::Load(const model::ModelVector& model) {
  if (model.size() != layout_.size())
    return InvalidArgument("model has %d numbers, must have %d", model.size(), layout_.size());
  layers_.Load(model);
  return absl::OkStatus();
}

absl::Status Engine::Start(const model::ModelVector& model,
                           std::span<const std::uint32_t> customers,
                           std::span<const std::uint32_t> slots, std::uint32_t padded_customers) {
  if ((dropout_.on() && !dropout_.has_key()) ||
      (losses_.items().on() && !losses_.items().has_key()))
    return InvalidArgument("DP-09: a step with dropout or sampled negatives needs a fresh key");
  VEILSUM_RETURN_IF_ERROR(seats_.Assign(customers, slots, padded_customers));
  return Load(model);
}

void Engine::FillRow(std::size_t at, std::optional<std::size_t> row) {
  rows_.Fill(at, row);
  layers_.Fill(at, row);
}

// Row c * max_rows + j holds row j of the customer in slot first + c: all rows of a customer are in
// one micro-batch (DP-08). Returns the rows to work on.
std::size_t Engine::FillBatch(std::size_t first_slot, std::size_t customers) {
  const std::size_t rows = RoundUp(customers * max_rows_, kRowTile);
  for (std::size_t at = 0; at < rows; ++at) {
    const std::size_t c = at / max_rows_, j = at % max_rows_;
    const auto u = c < customers ? seats_.At(first_slot + c) : std::nullopt;
    std::optional<std::size_t> row;
    if (u && examples_.first_row[*u] + j < examples_.first_row[*u + 1])
      row = examples_.first_row[*u] + j;
    FillRow(at, row);
    if (dropout_.on()) layers_.SetDropout(at, dropout_.Factors(u, j));
  }
  return rows;
}

void Engine::SetDeltas(std::size_t first_slot, std::size_t rows) {
  for (std::size_t at = 0; at < rows; ++at)
    losses_.SetDelta(rows_, {at, first_slot * max_rows_, seats_.At(first_slot + at / max_rows_)},
                     layers_.Logits(at), layers_.Delta(at));
}

// What the target model says of all rows of the call: one more forward pass of a public shape.
absl::Status Engine::FindTargets(const model::ModelVector& model, std::size_t customers_of_batch) {
  ActionTargets& targets = losses_.targets();
  if (!targets.on()) return absl::OkStatus();
  VEILSUM_RETURN_IF_ERROR(Load(targets.Start(model, seats_.size() * max_rows_)));
  for (std::size_t first = 0; first < seats_.size(); first += customers_of_batch) {
    const std::size_t customers = std::min(customers_of_batch, seats_.size() - first);
    layers_.Forward(FillBatch(first, customers), false, false);
    for (std::size_t at = 0; at < customers * max_rows_; ++at) {
      const auto values = layers_.Logits(at);
      targets.SetBest(first * max_rows_ + at, BestValue(values.data(), values.size()));
    }
  }
  return Load(model);
}

// Only for sums without privacy: it looks at which slots are taken.
bool Engine::AllLive(std::size_t rows) const {
  return std::all_of(rows_.live().begin(), rows_.live().begin() + static_cast<std::ptrdiff_t>(rows),
                     [](float live) { return live != 0; });
}

void Engine::Record(std::size_t first_slot, std::size_t customers) {
  for (std::size_t c = 0; c < customers; ++c) {
    const auto u = seats_.At(first_slot + c);
    if (!u) continue;
    std::vector<float>& operands = trace_->operands.emplace_back();
    trace_->factors.push_back(static_cast<double>(factors_[c * max_rows_]));
    for (std::size_t j = 0; j < examples_.first_row[*u + 1] - examples_.first_row[*u]; ++j)
      layers_.AppendOperands(c * max_rows_ + j, operands);
  }
}

void Engine::AddBatch(std::size_t first, std::size_t customers, std::optional<double> limit) {
  const std::size_t rows = FillBatch(first, customers);
  const bool squares = limit && max_rows_ == 1;
  layers_.Forward(rows, squares, dropout_.on());
  SetDeltas(first, rows);
  layers_.Backward(rows, squares, dropout_.on());
  if (limit) factors_.Set(layers_, rows_, rows, customers, *limit);
  if (trace_) Record(first, customers);
  const float* plain = AllLive(rows) ? nullptr : rows_.live().data();
  layers_.Accumulate(rows, limit ? factors_.data() : plain);
}

void Engine::Step(const MicroBatches& cut, bool clipped) {
  std::size_t held = 0;
  bool flushed = false;
  for (std::size_t first = 0; first < seats_.size(); first += cut.customers) {
    AddBatch(first, std::min(cut.customers, seats_.size() - first),
             clipped ? std::optional(cut.limit) : std::nullopt);
    if (++held != cut.flush) continue;
    layers_.Flush();
    held = 0;
    flushed = true;
  }
  if (flushed) layers_.Flush();
}

absl::StatusOr<std::span<const double>> Engine::Sum(const model::ModelVector& model,
                                                    std::span<const std::uint32_t> customers,
                                                    std::uint32_t padded_customers,
                                                    std::optional<double> clip_norm) {
  const absl::Cleanup forget = [this] { ForgetKey(); };
  VEILSUM_RETURN_IF_ERROR(Start(model, customers, {}, padded_customers));
  VEILSUM_RETURN_IF_ERROR(FindTargets(model, target_rows_ / max_rows_));
  layers_.StartSum(0);
  Step({.customers = target_rows_ / max_rows_, .limit = clip_norm.value_or(0)},
       clip_norm.has_value());
  layers_.CopySum(sum_);
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
  layers_.StartSum(static_cast<float>(shape.scale), cut.finer);
  Step(cut, true);
  std::vector<std::int64_t> grid;
  layers_.CopySum(shape.scale, grid);
  return grid;
}

absl::StatusOr<std::vector<float>> Engine::Logits(const model::ModelVector& model) {
  VEILSUM_RETURN_IF_ERROR(Load(model));
  std::vector<float> logits;
  for (std::size_t first = 0; first < examples_.rows(); first += target_rows_) {
    const std::size_t count = std::min(target_rows_, examples_.rows() - first);
    for (std::size_t r = 0; r < count; ++r) FillRow(r, first + r);
    layers_.Forward(RoundUp(count, kRowTile), false, false);
    for (std::size_t r = 0; r < count; ++r) {
      const auto outputs = losses_.Outputs(layers_.Logits(r));
      logits.insert(logits.end(), outputs.begin(), outputs.end());
    }
  }
  return logits;
}

}  // namespace veilsum::client::cpu
