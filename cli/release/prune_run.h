// A run's model with fewer hidden units, as a release of its own.
#pragma once

#include <filesystem>
#include <string>

#include "model/release/package.h"

namespace veilsum::cli {

struct PruneRequest {
  double keep = 1;              // share of the units of each hidden layer, (0, 1]
  std::filesystem::path data;   // merchants' folders whose hold-outs the loss is measured on
  double max_auc_loss = 0.002;  // [0, 1]
};

struct PruneReport {
  std::vector<std::size_t> before, after;  // hidden units
  std::size_t rows = 0;                    // of the hold-outs
  double auc_before = 0, auc_after = 0;    // exact: for whoever owns the data
  double size_ratio = 0, time_ratio = 0;   // after by before; of the reference forward pass

  std::string ToText() const;
};

// Changes plan, model and metrics of `input`; nothing of the data goes into them, so that the
// privacy claim of the run is that of the result. InvalidArgument: keep or limit out of range, data
// that cannot be read. FailedPrecondition: a model that cannot be pruned, hold-outs without a
// ROC-AUC, or more than the limit lost.
absl::StatusOr<PruneReport> PruneRun(const PruneRequest& request, release::ReleaseInput& input);

}  // namespace veilsum::cli
