// A released model made smaller, so that it takes less memory and time where it serves. Whole
// hidden units go, so that the result is an ordinary smaller network. No customer's row is read:
// both ways are post-processing of what was released, and its privacy claim holds for the result.
#pragma once

#include "base/secure_rng.h"
#include "client/serve/compare.h"

namespace veilsum::client {

inline constexpr double kMaxLoss = 0.002;  // LossOf beyond which a small model is not written

struct SmallModel {
  model::Plan plan;  // the release's, with fewer hidden units
  model::ModelVector model;
};

// Of each hidden layer the hidden[l] units that weigh most (model/prune.h), chosen by the weights
// alone. Errors of PruneTo; InvalidArgument: no layer is smaller.
absl::StatusOr<SmallModel> Prune(const release::Release& release,
                                 const std::vector<std::size_t>& hidden);

struct Distillation {
  std::uint32_t rows = 32768;  // generated
  std::uint32_t steps = 3000;
  double learning_rate = 0.002;
  std::uint64_t seed = 1;  // of the generated rows
};

// Rows by the plan and the model's own standardisation alone: three of four numbers are normal with
// the published mean and deviation, the others and all categories and words uniform. Labels are 0.
model::Examples GeneratedRows(const release::Release& release, std::uint32_t count,
                              std::uint64_t seed);

// Pruned, then taught the release's outputs, of all heads, on generated rows by least squares
// (Hinton, Vinyals and Dean 2015, arXiv 1503.02531; logits after Ba and Caruana 2014, arXiv
// 1312.6184). `rng` draws the batches, so that the result differs from call to call.
// FailedPrecondition: items with attributes, or a task that MeasureSmall does not measure.
absl::StatusOr<SmallModel> Distil(const release::Release& release,
                                  const std::vector<std::size_t>& hidden,
                                  const Distillation& settings, SecureRng& rng);

struct SmallFigures {
  Comparison quality;  // the release, then the small model
  std::size_t numbers_before = 0, numbers_after = 0;
  double seconds_before = 0, seconds_after = 0;  // of all rows, the reference forward pass, best
                                                 // of three
};
// On labelled rows, by the plan's first label; exact, for whoever owns them. FailedPrecondition:
// values of actions, whose worth no label says, and segments, which have no hidden units.
absl::StatusOr<SmallFigures> MeasureSmall(const release::Release& release, const SmallModel& small,
                                          const model::Examples& rows);
// FailedPrecondition: the small model is worse by more than `max_loss`, as LossOf.
absl::Status CheckLoss(const SmallFigures& figures, double max_loss);

// A package of it, without a signature: a release of its own with the original as its parent.
absl::StatusOr<release::Files> PackageOf(const release::Release& release, const SmallModel& small,
                                         const std::string& model_id, const std::string& builder);

}  // namespace veilsum::client
