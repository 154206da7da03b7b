// k-means as a training step (Bottou and Bengio 1995, "Convergence properties of the k-means
// algorithms"): of a row x, whose nearest centre is c_k, the loss is |x - c_k|^2 / 2 +
// K |s - e_k|^2 / 2 with s the stated shares, so that their minimiser is each segment's share of
// the rows. A centre is idle when its stated share is below kIdle / K; x draws the idle centre c_i
// that is nearest to it, too, by kPull |x - c_i|^2 / 2: else a centre that nobody is near would
// stay where it is. Which centres are idle follows from the published model alone.
//
// A customer's gradient is made in fp64, in a fixed order over its own rows, clipped by an upper
// bound of its own norm, rounded to the grid by itself and added as integers. So it is bit by bit
// the same in whatever batch (DP-07), sums are exact in any order, and one customer more or less
// moves the grid sum by at most scale * clip_norm + sqrt(d) / 2.
#pragma once

#include <memory>
#include <vector>

#include "client/train/trainer.h"
#include "model/examples.h"

namespace veilsum::client {

inline constexpr double kIdle = 0.125, kPull = 0.125;

class CentreTrainer final : public Trainer {
 public:
  // `layout` (model/centres.h) and `examples` are kept by reference and must outlive the trainer.
  // InvalidArgument: a layout with anything but numeric inputs and one layer, a customer with more
  // than max_rows rows, kMaxRowsPerCustomer exceeded, columns that do not fit.
  static absl::StatusOr<std::unique_ptr<CentreTrainer>> Create(const model::Layout& layout,
                                                               const model::Examples& examples,
                                                               std::uint32_t max_rows);

  absl::StatusOr<dp::ClippedSum> GradientSum(const model::ModelVector& model,
                                             std::span<const std::uint32_t> customers,
                                             const StepShape& shape) override;
  // The same sum where it may be seen without noise: simulators and tests.
  absl::StatusOr<std::vector<std::int64_t>> GridSum(const model::ModelVector& model,
                                                    std::span<const std::uint32_t> customers,
                                                    const StepShape& shape);

 private:
  CentreTrainer(const model::Layout& layout, const model::Examples& examples,
                std::uint32_t max_rows);
  absl::Status Check(const model::ModelVector& model, std::span<const std::uint32_t> customers,
                     const StepShape& shape);
  void Load(const model::ModelVector& model);
  // Without a row: a filler, worked on like any other and left out.
  void AddRow(const model::ModelVector& model, const float* row);
  double Factor(double clip_norm) const;
  void AddCustomer(const StepShape& shape, std::vector<std::int64_t>& grid) const;

  const model::Layout& layout_;
  const model::Examples& examples_;
  std::uint32_t max_rows_;
  std::vector<float> filler_, point_;  // layout.numeric()
  // Of a call's model; `idle_` are the centres once more, those that are not idle infinitely far.
  std::vector<double> centres_, shares_, idle_;
  std::vector<double> gradient_;  // of one customer, layout.parameters()
};

}  // namespace veilsum::client
