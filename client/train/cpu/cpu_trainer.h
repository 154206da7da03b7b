// The CPU engine behind Trainer. See README.md beside trainer.h: invariance, certified norms, fixed
// shape.
#pragma once

#include <memory>

#include "client/train/trainer.h"
#include "model/examples.h"
#include "model/heads.h"

namespace veilsum::client {

// `layout` and `examples` are kept by reference and must outlive the trainer. `max_rows` is the
// plan's [unit] max_rows; without heads there is one logistic output; `dropout` is the rate at
// which hidden units are dropped. They, and the negatives of a sampled softmax, are drawn under a
// fresh key in each call (DP-09). With Loss::kTemporal the model of the first call is the target
// model, then that of every target_every-th: published ones, so nothing private is kept. The
// instruction path is chosen once per process from the CPU (SE-22). InvalidArgument: a customer
// with more than max_rows rows, columns that do not fit the layout, an active input out of range,
// kMaxRowsPerCustomer exceeded, dropout not in [0, 1).
absl::StatusOr<std::unique_ptr<Trainer>> MakeCpuTrainer(const model::Layout& layout,
                                                        const model::Examples& examples,
                                                        std::uint32_t max_rows,
                                                        model::Heads heads = {},
                                                        double dropout = 0);

// "avx512", "avx2" or "baseline": what MakeCpuTrainer runs on here; for the report.
std::string_view CpuEnginePath();

}  // namespace veilsum::client
