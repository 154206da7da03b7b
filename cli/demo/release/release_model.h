// After training: the model as a signed release, to one merchant first, then to all, and used for
// predictions. The demo plays every part, with keys that it forgets: release signer, director, two
// approvers, and each merchant's updater over the repository's folder.
#pragma once

#include <filesystem>
#include <functional>

#include "base/canonical_json.h"
#include "cli/demo/report/report.h"
#include "model/layout.h"
#include "model/plan/plan.h"

namespace veilsum::cli {

struct ReleaseSeat {
  std::string name, uri;
  std::vector<std::filesystem::path> folders;
};

struct ReleaseRequest {
  std::filesystem::path out;  // with model.safetensors; gets release/
  Json report;                // report.json as far as it is known
  model::Plan plan;
  std::string federation, version;
  // ROC-AUC on all hold-outs; none where it does not exist.
  std::function<std::optional<double>(const model::ModelVector&)> auc_of;
  std::vector<ReleaseSeat> seats = {};
};

// Internal when any step of a release that we made ourselves is refused; the errors of WriteFile
// and LoadDataset.
absl::StatusOr<ReleaseFacts> ReleaseModel(const ReleaseRequest& request);

}  // namespace veilsum::cli
