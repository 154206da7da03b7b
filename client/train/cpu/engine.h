// Sums of clipped per-customer gradients in fp64 and on the grid. Behind CpuTrainer, and used
// directly by simulators, benchmarks and tests, which may see a sum without noise.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "client/train/cpu/bag.h"
#include "client/train/cpu/network.h"
#include "client/train/trainer.h"
#include "model/examples.h"

namespace veilsum::client::cpu {

// What one customer's contribution was made of, for tests of row invariance (A11).
struct Trace {
  std::vector<std::vector<float>>
      operands;  // a customer of the call: inputs and deltas of its rows, layer by layer
  std::vector<double> factors;
};

class Engine {
 public:
  // As MakeCpuTrainer, on one chosen instruction path.
  static absl::StatusOr<std::unique_ptr<Engine>> Create(const model::Layout& layout,
                                                        const model::Examples& examples,
                                                        std::uint32_t max_rows,
                                                        const Kernels& kernels);

  // The sum of min(1, C / norm) * gradient over `customers`, layout.parameters() numbers, valid
  // until the next call. Without a clip norm: the plain sum, for benchmarks only; a number that is
  // not finite then reaches the sum. `shape.scale` is not used. Errors as Trainer::GradientSum.
  absl::StatusOr<std::span<const double>> Sum(const model::ModelVector& model,
                                              std::span<const std::uint32_t> customers,
                                              std::uint32_t padded_customers,
                                              std::optional<double> clip_norm);
  // round_half_even(scale * Sum), as in Trainer::GradientSum.
  absl::StatusOr<std::vector<std::int64_t>> GridSum(const model::ModelVector& model,
                                                    std::span<const std::uint32_t> customers,
                                                    const StepShape& shape);
  // The logits of `rows` on this engine's path, for evaluation by simulators.
  absl::StatusOr<std::vector<float>> Logits(const model::ModelVector& model);

  void set_trace(Trace* trace) { trace_ = trace; }  // null: none

 private:
  Engine(const model::Layout& layout, const model::Examples& examples, std::uint32_t max_rows,
         const Kernels& kernels);
  absl::Status CheckCall(const model::ModelVector& model, std::span<const std::uint32_t> customers,
                         std::uint32_t padded_customers);
  void LoadBuffers(const model::ModelVector& model);
  void FillRow(std::size_t slot, std::optional<std::size_t> row);
  void FillBatch(std::span<const std::uint32_t> customers, std::size_t first);
  void Forward();
  void SetDeltas();
  void Backward();
  double Factor(std::size_t customer_slot, double clip_norm);
  void SetFactors(std::optional<double> clip_norm);
  void Record(std::span<const std::uint32_t> customers, std::size_t first);

  const model::Layout& layout_;
  const model::Examples& examples_;
  std::size_t max_rows_, batch_customers_;
  Network network_;
  std::vector<BagLayer> bags_;
  std::vector<float> mean_, scale_;  // empty when the layout is not standardised
  std::vector<std::uint8_t> seen_;
  std::vector<float> labels_;  // of the micro-batch
  std::vector<std::uint64_t>
      live_;  // all ones where a slot holds a real row, before and after clipping
  std::vector<double> factors_, input_gram_, delta_gram_;
  std::vector<double> sum_;
  Trace* trace_ = nullptr;
};

}  // namespace veilsum::client::cpu
