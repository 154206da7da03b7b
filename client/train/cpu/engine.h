// Sums of clipped per-customer gradients in fp64 and on the grid. Behind CpuTrainer, and used
// directly by simulators, benchmarks and tests, which may see a sum without noise.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "client/train/cpu/bag.h"
#include "client/train/cpu/clip.h"
#include "client/train/cpu/dropout.h"
#include "client/train/cpu/network.h"
#include "client/train/cpu/sampled_items.h"
#include "client/train/cpu/sequence_layer.h"
#include "client/train/trainer.h"
#include "model/examples.h"
#include "model/heads.h"

namespace veilsum::client::cpu {

// What one customer's contribution was made of, for tests of row invariance (A11).
struct Trace {
  std::vector<std::vector<float>>
      operands;  // a customer of the call: inputs and deltas of its rows, layer by layer
  std::vector<double> factors;
};

class Engine {
 public:
  // As MakeCpuTrainer, on one chosen instruction path. Without heads: one logistic output. With
  // `dropout`, or sampled negatives, every step needs a key of its own.
  static absl::StatusOr<std::unique_ptr<Engine>> Create(
      const model::Layout& layout, const model::Examples& examples, std::uint32_t max_rows,
      const Kernels& kernels, model::Heads heads = {}, double dropout = 0);

  // Of the next call of Sum or GridSum, which wipes it, also when it fails (DP-09): fresh, never
  // used before.
  void SetStepKey(const Secret<32>& key) {
    dropout_.SetKey(key);
    items_.SetKey(key);
  }
  // The target model of the next Head::target_every sums, an earlier public one. Without it the
  // model of the first sum is, and then that of every target_every-th. For Loss::kTemporal only.
  void SetTarget(const model::ModelVector& model) {
    target_ = model;
    sums_ = 0;
  }

  // The sum of min(1, C / norm) * gradient over `customers`, layout.parameters() numbers, valid
  // until the next call. Without a clip norm: the plain sum, for benchmarks only; a number that is
  // not finite then reaches the sum. `shape.scale` is not used. Errors as Trainer::GradientSum.
  absl::StatusOr<std::span<const double>> Sum(const model::ModelVector& model,
                                              std::span<const std::uint32_t> customers,
                                              std::uint32_t padded_customers,
                                              std::optional<double> clip_norm);
  // As Trainer::GradientSum. slots[i], different and below padded_customers, is where customers[i]
  // is computed; without them, slot i. D2 holds when a customer's absence moves no other customer:
  // with slots drawn uniformly without replacement, those of the others have the same law either
  // way, and one micro-batch differs.
  absl::StatusOr<std::vector<std::int64_t>> GridSum(const model::ModelVector& model,
                                                    std::span<const std::uint32_t> customers,
                                                    const StepShape& shape,
                                                    std::span<const std::uint32_t> slots = {});
  // The outputs of every row on this engine's path, rows x outputs, for evaluation by simulators.
  // Nothing is dropped.
  absl::StatusOr<std::vector<float>> Logits(const model::ModelVector& model);

  void set_trace(Trace* trace) { trace_ = trace; }  // null: none

 private:
  Engine(const model::Layout& layout, const model::Examples& examples, std::uint32_t max_rows,
         const Kernels& kernels, model::Heads heads, double dropout);
  absl::Status Load(const model::ModelVector& model);
  absl::Status Start(const model::ModelVector& model, std::span<const std::uint32_t> customers,
                     std::span<const std::uint32_t> slots, std::uint32_t padded_customers);
  void Step(const MicroBatches& cut, bool clipped);
  void FillRow(std::size_t at, std::optional<std::size_t> row);
  void DropUnits(std::size_t at, std::uint32_t customer, std::size_t row);
  std::size_t FillBatch(std::size_t first_slot, std::size_t customers);
  void Forward(std::size_t rows, bool squares, bool dropout);
  void SetDeltas(std::size_t first_slot, std::size_t rows);
  const float* OutputsOf(std::size_t row);  // valid until the next call
  absl::Status FindTargets(const model::ModelVector& model, std::size_t customers_of_batch);
  std::optional<std::uint32_t> CustomerAt(std::size_t first_slot, std::size_t at) const;
  double TargetOf(std::size_t first_slot, std::size_t at) const;
  void ForgetKey();
  void Backward(std::size_t rows, bool squares);
  double Factor(std::size_t customer, double limit);
  void SetFactors(std::size_t rows, std::size_t customers, double limit);
  bool AllLive(std::size_t rows) const;
  void Record(std::size_t first_slot, std::size_t customers);

  const model::Layout& layout_;
  const model::Examples& examples_;
  model::Heads heads_;
  std::size_t max_rows_, target_rows_;
  Dropout dropout_;
  Network network_;
  SampledItems items_;
  std::vector<BagLayer> bags_;
  std::vector<SequenceLayer> sequences_;
  std::vector<double> example_active_squares_;  // of the examples' rows
  std::vector<float> mean_, scale_;             // empty when the layout is not standardised
  std::vector<std::uint8_t> seen_;
  std::vector<std::uint32_t> seats_;  // of a call: the customer in a slot, or kNobody
  // Loss::kTemporal: the target model, the sums since it was set, and of a call's rows, slot by
  // slot, the best value that it gives.
  model::ModelVector target_;
  std::size_t sums_ = 0;
  std::vector<double> best_;
  // Of a micro-batch's rows.
  std::vector<float> labels_, rewards_, factors_,
      live_;  // live: 1 where a slot holds a real row, else 0
  std::vector<double> active_squares_, norms_;
  std::vector<std::uint8_t> bad_;  // rows of customers with several that are not finite
  std::vector<double> input_gram_, delta_gram_;
  std::vector<float> scores_, score_deltas_;  // of one row's items, where they have attributes
  std::vector<double> sum_;
  Trace* trace_ = nullptr;
};

}  // namespace veilsum::client::cpu
