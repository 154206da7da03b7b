#include "client/cli/preflight_command.h"

#include <cstdio>

#include "base/canonical_json.h"
#include "client/cli/config.h"
#include "client/cli/node_checks.h"
#include "client/cli/read_plan.h"
#include "client/data/dataset.h"
#include "client/data/select_customers.h"
#include "client/policy/objections.h"
#include "model/contract/run_contract.h"

namespace veilsum::client {
namespace {

std::string InWords(const Json& answer) {
  if (answer["eligible"].get<bool>())
    return absl::StrFormat("ready: size class %d", answer["size_class"].get<std::uint64_t>());
  return "not ready: " +
         answer[answer.contains("data_error") ? "data_error" : "reason"].get<std::string>();
}

// As the next run will have them: without whoever objected (SE-30).
absl::StatusOr<Dataset> LoadForNextRun(const model::Plan& plan, const ClientConfig& config) {
  VEILSUM_ASSIGN_OR_RETURN(Dataset dataset, LoadDataset(plan, config.folders));
  if (config.objections.empty()) return dataset;
  VEILSUM_ASSIGN_OR_RETURN(const CustomerIds listed, ReadObjections(config.objections));
  std::vector<bool> keep;
  for (const std::string& id : dataset.training.customer_ids) keep.push_back(!listed.contains(id));
  dataset.training = SelectCustomers(dataset.training, keep);
  return dataset;
}

void Print(const Json& answer, bool json) {
  const std::string text =
      json ? answer.dump(-1, ' ', false, Json::error_handler_t::replace) : InWords(answer);
  std::printf("%s\n", text.c_str());
}

}  // namespace

ExitCode RunNodePreflight(const std::filesystem::path& config_file) {
  const absl::StatusOr<ClientConfig> config = ReadClientConfig(config_file);
  if (!config.ok()) {
    std::fprintf(stderr, "veilsum-client: %s\n", std::string(config.status().message()).c_str());
    return ExitCode::kConfiguration;
  }
  bool well = true;
  for (const NodeCheck& check : CheckNode(*config, std::chrono::system_clock::now())) {
    well = well && check.fault.empty();
    if (check.fault.empty())
      std::printf("ok     %s\n", check.name.c_str());
    else
      std::printf("FAULT  %s: %s. Remedy: %s\n", check.name.c_str(), check.fault.c_str(),
                  check.remedy.c_str());
  }
  return well ? ExitCode::kDone : ExitCode::kFindings;
}

ExitCode RunPreflight(const std::filesystem::path& config_file, bool json) {
  const absl::StatusOr<ClientConfig> config = ReadClientConfig(config_file);
  const absl::StatusOr<model::Plan> plan = config.ok() ? ReadPlan(*config) : config.status();
  if (!plan.ok()) {
    std::fprintf(stderr, "veilsum-client: %s\n", std::string(plan.status().message()).c_str());
    return ExitCode::kConfiguration;
  }
  const absl::StatusOr<Dataset> dataset = LoadForNextRun(*plan, *config);
  if (!dataset.ok()) {
    Print({{"eligible", false}, {"data_error", std::string(dataset.status().message())}}, json);
    return ExitCode::kFindings;
  }
  const std::string merchant = config->folders.front().filename().string();
  const absl::Status population = CheckPopulation(*plan, dataset->training, merchant);
  if (!population.ok()) {
    Print({{"eligible", false}, {"reason", std::string(population.message())}}, json);
    return ExitCode::kDone;
  }
  Print({{"eligible", true}, {"size_class", model::SizeClass(dataset->training.customers())}},
        json);
  return ExitCode::kDone;
}

}  // namespace veilsum::client
