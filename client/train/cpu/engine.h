// Sums of clipped per-customer gradients in fp64 and on the grid. Behind CpuTrainer, and used
// directly by simulators, benchmarks and tests, which may see a sum without noise.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "client/train/cpu/clip_factors.h"
#include "client/train/cpu/dropout.h"
#include "client/train/cpu/layers.h"
#include "client/train/cpu/losses.h"
#include "client/train/cpu/seats.h"
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
  void SetStepKey(const Secret<32>& key);
  // The target model of the next Head::target_every sums, an earlier public one. Without it the
  // model of the first sum is, and then that of every target_every-th. For Loss::kTemporal only.
  void SetTarget(const model::ModelVector& model);

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
  absl::Status FindTargets(const model::ModelVector& model, std::size_t customers_of_batch);
  void Step(const MicroBatches& cut, bool clipped);
  // Without a limit nothing is clipped.
  void AddBatch(std::size_t first_slot, std::size_t customers, std::optional<double> limit);
  std::size_t FillBatch(std::size_t first_slot, std::size_t customers);
  // Without a row: a filler, computed like any other and left out of the sum.
  void FillRow(std::size_t at, std::optional<std::size_t> row);
  void SetDeltas(std::size_t first_slot, std::size_t rows);
  bool AllLive(std::size_t rows) const;
  void Record(std::size_t first_slot, std::size_t customers);
  void ForgetKey();

  const model::Layout& layout_;
  const model::Examples& examples_;
  const model::Heads heads_;
  std::size_t max_rows_, target_rows_;
  Seats seats_;  // of a call
  Dropout dropout_;
  // Of a micro-batch.
  Layers layers_;
  BatchRows rows_;
  Losses losses_;
  ClipFactors factors_;
  std::vector<double> sum_;
  Trace* trace_ = nullptr;
};

}  // namespace veilsum::client::cpu
