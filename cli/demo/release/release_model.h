// After training: the model as a signed release, to one merchant first, then to all, and used for
// predictions. The demo plays every part: release signer and director, with keys that it forgets,
// two operators, and each merchant's updater over the repository's folder. What happens goes into
// the ledger of the coordinator that still serves.
#pragma once

#include <filesystem>
#include <functional>

#include "base/canonical_json.h"
#include "cli/demo/report/report.h"
#include "client/rpc/admin_client.h"
#include "model/layout.h"
#include "model/plan/plan.h"

namespace veilsum::cli {

struct ReleaseSeat {
  std::string name, uri;
  std::vector<std::filesystem::path> folders;
};

struct DemoOperator {
  std::string uri;
  client::AdminClient* admin = nullptr;
};

struct ReleaseRequest {
  std::filesystem::path out;  // with model.safetensors; gets release/
  Json report;                // report.json as far as it is known
  model::Plan plan;
  std::string federation, version;
  // ROC-AUC on all hold-outs; none where it does not exist.
  std::function<std::optional<double>(const model::ModelVector&)> auc_of;
  model::ModelVector starting = {};  // what training began with
  std::vector<ReleaseSeat> seats = {};
  std::vector<DemoOperator> operators = {};  // of whom the first conducts the rollout
};

// Internal when any step of a release that we made ourselves is refused; the errors of WriteFile,
// LoadDataset and the coordinator.
absl::StatusOr<ReleaseFacts> ReleaseModel(const ReleaseRequest& request);

}  // namespace veilsum::cli
