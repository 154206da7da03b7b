#include "client/cli/model_command.h"

#include <chrono>
#include <cstdio>

#include "client/cli/finish.h"
#include "client/cli/release_updates.h"
#include "client/data/dataset.h"
#include "client/release/updater.h"
#include "client/serve/compare.h"

namespace veilsum::client {
namespace {

absl::StatusOr<UpdateReport> Import(const ModelImport& options, const std::string& version) {
  VEILSUM_ASSIGN_OR_RETURN(ModelStore store, OpenOrCreateStore(options.store, options.root));
  FolderSource source(options.metadata, options.package);
  const SteadyClock clock;
  UpdaterConfig config;
  config.client = options.client;
  config.client_version = version;
  if (options.epsilon_max > 0) config.policy.epsilon_max = options.epsilon_max;
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return Updater(store, source, clock, config).Check(now);
}

absl::StatusOr<std::shared_ptr<const Predictor>> Open(const ReleaseChoice& choice) {
  VEILSUM_ASSIGN_OR_RETURN(release::Release release, LoadRelease(choice));
  return Predictor::Create(std::move(release));
}

absl::StatusOr<std::string> CompareJson(const ModelCompare& options) {
  VEILSUM_ASSIGN_OR_RETURN(const auto before, Open(options.before));
  VEILSUM_ASSIGN_OR_RETURN(const auto after, Open(options.after));
  VEILSUM_ASSIGN_OR_RETURN(const Dataset data,
                           LoadDataset(after->plan(), {options.data.begin(), options.data.end()}));
  VEILSUM_ASSIGN_OR_RETURN(const Comparison c, Compare(*before, *after, data.holdout));
  const model::Difference& d = c.difference;
  return nlohmann::ordered_json({{"figure", c.figure},
                                 {"holdout_rows", c.rows},
                                 {"before", d.before},
                                 {"after", d.after},
                                 {"difference", d.value},
                                 {"interval", {d.low, d.high}}})
      .dump();
}

int Say(const absl::Status& status) {
  return std::fprintf(stderr, "veilsum-client: %s\n", std::string(status.message()).c_str());
}

// What a look has come to, for a caller.
ExitCode Tell(const absl::StatusOr<UpdateReport>& report, const std::string& client) {
  if (!report.ok()) {
    Say(report.status());
    return absl::IsInvalidArgument(report.status()) ? ExitCode::kUsage
                                                    : ExitCodeOf(report.status());
  }
  std::printf("%s\n", report->ToJson(client).c_str());
  if (report->status.ok()) return ExitCode::kDone;
  Say(report->status);
  return report->code.empty() ? ExitCodeOf(report->status) : ExitCode::kFindings;
}

}  // namespace

ExitCode RunModelImport(const ModelImport& options, const std::string& version) {
  return Tell(Import(options, version), options.client);
}

ExitCode RunModelUpdate(const ModelUpdate& options, const std::string& version) {
  const absl::StatusOr<ClientConfig> config = ReadClientConfig(options.config);
  if (!config.ok()) return Finish(config.status());
  const absl::StatusOr<ModelStore> store = OpenOrCreateStore(options.store, options.root);
  if (!store.ok()) return Tell(store.status(), "");
  ReleaseUpdates updates(*config, options.store, version);
  updates.set_epsilon_max(options.epsilon_max);
  const absl::StatusOr<UpdateReport> report = updates.Look({});
  return Tell(report, updates.client());
}

ExitCode RunModelStatus(const std::string& folder) {
  const absl::StatusOr<ModelStore> store = ModelStore::Open(folder);
  if (!store.ok()) {
    Say(store.status());
    return ExitCodeOf(store.status());
  }
  const StoreState& s = store->state();
  const nlohmann::ordered_json line = {
      {"digest", s.current.digest},    {"model_id", s.current.model_id},
      {"version", s.current.version},  {"release_counter", s.current.release_counter},
      {"previous", s.previous.digest}, {"last_fresh", s.last_fresh}};
  std::printf("%s\n", line.dump().c_str());
  return ExitCode::kDone;
}

ExitCode RunModelCompare(const ModelCompare& options) {
  const absl::StatusOr<std::string> line = CompareJson(options);
  if (line.ok()) {
    std::printf("%s\n", line->c_str());
    return ExitCode::kDone;
  }
  return Finish(line.status());
}

ModelCommands AddModelCommands(CLI::App& app, ModelArguments& arguments) {
  CLI::App* model = app.add_subcommand("model", "The releases on this machine");
  model->require_subcommand(1);
  ModelImport& options = arguments.import;
  CLI::App* import = model->add_subcommand(
      "import", "Verify and install a release from a folder, without a network; exit 2: refused");
  import->add_option("PKG", options.package, "folder of the release")->required();
  import
      ->add_option("--metadata", options.metadata,
                   "a copy of the repository: metadata/ and director/")
      ->type_name("DIR")
      ->required();
  import->add_option("--store", options.store, "this machine's releases")
      ->type_name("DIR")
      ->required();
  import->add_option("--client", options.client, "own SPIFFE ID")->required();
  import
      ->add_option("--root", options.root, "for a new store: the first root, received out of band")
      ->type_name("FILE");
  import->add_option("--epsilon-max", options.epsilon_max, "refuse releases with a larger epsilon");
  ModelUpdate& look = arguments.update;
  CLI::App* update = model->add_subcommand(
      "update", "Look for a release at the coordinator, and report there; exit 2: refused");
  update->add_option("--config", look.config, "client.toml")->type_name("FILE")->required();
  update->add_option("--store", look.store, "this machine's releases")
      ->type_name("DIR")
      ->required();
  update->add_option("--root", look.root, "for a new store: the first root, received out of band")
      ->type_name("FILE");
  update->add_option("--epsilon-max", look.epsilon_max, "refuse releases with a larger epsilon");
  CLI::App* status = model->add_subcommand("status", "What serves, and what is kept");
  status->add_option("--store", arguments.store, "this machine's releases")
      ->type_name("DIR")
      ->required();
  CLI::App* compare = model->add_subcommand(
      "compare", "A new release against the old one on this merchant's own hold-out");
  ModelCompare& both = arguments.compare;
  for (const auto& [name, choice] : {std::pair("--old", &both.before), {"--new", &both.after}}) {
    compare->add_option(name, choice->package, "folder of a release")->type_name("PKG")->required();
    compare
        ->add_option(std::string(name) + "-key", choice->key, "the key that it must be signed by")
        ->type_name("FILE")
        ->required();
  }
  compare->add_option("--data", both.data, "the merchant's folders")->type_name("DIR")->required();
  return {import, update, status, compare};
}

}  // namespace veilsum::client
