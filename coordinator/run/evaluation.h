// Private evaluation as the coordinator keeps and shows it: the decoded sum of the merchants' score
// histograms, and what follows from it (dp/mechanism/private_auc.h). Post-processing only.
#pragma once

#include <cstdint>
#include <vector>

#include "coordinator/run/run_terms.h"

namespace veilsum::coordinator {

struct EvaluationSum {
  std::uint32_t survivors = 0;  // merchants in the sum, each with its share of the noise
  std::vector<std::int64_t> cells;
  friend bool operator==(const EvaluationSum&, const EvaluationSum&) = default;
};

// Survivors (4 bytes), then the cells (8 bytes each), little-endian.
Bytes EncodeEvaluation(const EvaluationSum& sum);
// InvalidArgument unless `bytes` holds exactly `cells` of them.
absl::StatusOr<EvaluationSum> DecodeEvaluation(ByteView bytes, std::size_t cells);

// Numbers, or in `unusable` why there are none. `sum` is of the contract's evaluation sum.
admin::v1::Evaluation EvaluationOf(const RunTerms& terms, const EvaluationSum& sum,
                                   std::uint64_t step, const Hash32& model_hash);

}  // namespace veilsum::coordinator
