#include "cli/release/release_of_run.h"

#include <algorithm>

#include "base/file.h"
#include "cli/demo/report/privacy_facts.h"
#include "cli/demo/report/report_json.h"
#include "model/contract/privacy_terms.h"
#include "model/plan/plan_format.h"
#include "model/release/score_histogram.h"
#include "model/safetensors.h"

namespace veilsum::cli {
namespace {

// A report's value in the canonical subset: reals become decimals, nothing becomes nothing.
Json Canonical(const Json& value) {
  if (value.is_number_float()) return release::DecimalOf(value.get<double>());
  if (value.is_array()) {
    Json out = Json::array();
    for (const Json& item : value)
      if (!item.is_null()) out.push_back(Canonical(item));
    return out;
  }
  if (!value.is_object()) return value;
  Json out = Json::object();
  for (const auto& [key, item] : value.items())
    if (!item.is_null()) out[key] = Canonical(item);
  return out;
}

std::string TextAt(const Json& report, const char* path) {
  const Json::json_pointer place(path);
  return report.is_object() && report.contains(place) && report.at(place).is_string()
             ? report.at(place).get<std::string>()
             : std::string();
}

std::uint64_t CountAt(const Json& report, const char* path) {
  const Json::json_pointer place(path);
  return report.contains(place) && report.at(place).is_number_unsigned()
             ? report.at(place).get<std::uint64_t>()
             : 0;
}

// A coordinator of another version states none.
void AddHistogram(const admin::v1::ScoreHistogram& shown, Json& metrics) {
  const dp::ScoreHistogram histogram{{shown.bins(), static_cast<int>(shown.scale_log2())},
                                     shown.noise_sigma(),
                                     {shown.cells().begin(), shown.cells().end()}};
  if (!dp::WithoutGroups(histogram).ok()) return;
  if (auto json = release::ScoreHistogramJson(histogram)) metrics["score_histogram"] = *json;
}

// What private evaluation says, under the names of report.json.
Json MetricsOf(const admin::v1::RunProgress& progress) {
  Json out = {{"exact", false}};
  if (!progress.has_evaluation() || !progress.evaluation().unusable().empty()) return out;
  const admin::v1::Evaluation& e = progress.evaluation();
  out["roc_auc_private"] = release::DecimalOf(e.roc_auc());
  out["roc_auc_private_interval"] = {release::DecimalOf(e.low()), release::DecimalOf(e.high())};
  out["roc_auc_private_noise"] = release::DecimalOf(e.noise_error());
  const auto add = [&](const char* name, const admin::v1::Figure& figure) {
    out[name] = release::DecimalOf(figure.value());
    out[std::string(name) + "_interval"] = {release::DecimalOf(figure.low()),
                                            release::DecimalOf(figure.high())};
  };
  if (e.has_accuracy()) add("accuracy_private", e.accuracy());
  if (e.has_log_loss()) add("log_loss_private", e.log_loss());
  AddHistogram(e.score_histogram(), out);
  return out;
}

void StatePrivacy(const Json& privacy, release::ReleaseInput& input) {
  input.privacy = Canonical(privacy);
  input.privacy["adjacency"] = "add_remove";
  input.privacy["noise_mode"] = "distributed";
}

// What a run has started from is a parent of what it has made.
void NameStart(release::ReleaseInput& input) {
  const std::string& start = input.plan.network.start;
  std::vector<std::string>& parents = input.facts.parents;
  if (!start.empty() && std::ranges::find(parents, start) == parents.end())
    parents.push_back(start);
}

constexpr std::size_t kModelLimit = std::size_t{1} << 30;

}  // namespace

absl::StatusOr<release::ReleaseInput> InputOfCoordinator(client::AdminClient& admin,
                                                         const std::string& run_id,
                                                         release::Manifest facts,
                                                         const std::string& builder) {
  VEILSUM_ASSIGN_OR_RETURN(const admin::v1::GetRunResponse run, admin.GetRun(run_id));
  const admin::v1::RunProgress& progress = run.progress();
  if (progress.state() != "finished")
    return FailedPrecondition("run %s is %s, must be finished", run_id, progress.state());
  release::ReleaseInput input;
  VEILSUM_ASSIGN_OR_RETURN(input.plan, model::PlanFromJson(run.plan()));
  VEILSUM_ASSIGN_OR_RETURN(const model::RunContract contract,
                           model::ContractFromJson(run.contract()));
  if (contract.run_id != run_id || contract.plan_sha256 != model::PlanSha256(input.plan))
    return InvalidArgument("the coordinator's plan and contract are not those of run %s", run_id);
  VEILSUM_ASSIGN_OR_RETURN(
      const PrivacyFacts privacy,
      PrivacyFactsOf(input.plan, contract, {progress.step(), progress.attempts()}));
  VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes,
                           admin.GetModel(run_id, AsBytes(progress.model_hash()), kModelLimit));
  VEILSUM_ASSIGN_OR_RETURN(input.model,
                           model::ParseModelBytes(bytes, model::LayoutOf(input.plan).size()));
  if (AsText(model::ModelHash(input.model)) != progress.model_hash())
    return InvalidArgument("the coordinator's model is not the one that it names");
  input.facts = std::move(facts);
  NameStart(input);
  input.facts.federation_id = contract.federation;
  input.facts.run_id = run_id;
  input.facts.last_round = progress.round();
  StatePrivacy(Json::parse(PrivacyJson(privacy).dump()), input);
  input.metrics = MetricsOf(progress);
  input.builder = builder;
  return input;
}

absl::StatusOr<release::ReleaseInput> InputOfRun(const Json& report, std::string_view plan_json,
                                                 ByteView safetensors, release::Manifest facts,
                                                 const std::string& builder) {
  if (TextAt(report, "/schema") != "veilsum.report.v1" || !report.contains("privacy") ||
      !report.contains("quality"))
    return InvalidArgument("not a report of schema veilsum.report.v1");
  release::ReleaseInput input;
  VEILSUM_ASSIGN_OR_RETURN(input.plan, model::PlanFromJson(plan_json));
  VEILSUM_ASSIGN_OR_RETURN(model::Safetensors file, model::ReadSafetensors(safetensors));
  VEILSUM_ASSIGN_OR_RETURN(input.model, model::ReadModel(safetensors, model::LayoutOf(input.plan)));
  const std::string plan_sha256 = HexEncode(model::PlanSha256(input.plan));
  if (TextAt(report, "/plan/sha256") != plan_sha256 || file.metadata["plan_sha256"] != plan_sha256)
    return InvalidArgument("report, model and plan are not of one run");
  input.facts = std::move(facts);
  NameStart(input);
  input.facts.run_id = file.metadata["run_id"];
  input.facts.last_round = CountAt(report, "/federation/rounds");
  StatePrivacy(report["privacy"], input);
  Json& quality = input.metrics;
  quality = Canonical(report["quality"]);
  quality.erase("per_merchant");  // a merchant's own affair
  input.builder = builder;
  return input;
}

absl::StatusOr<release::ReleaseInput> InputOfFolder(const std::filesystem::path& folder,
                                                    release::Manifest facts,
                                                    const std::string& builder) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string report, ReadFile(folder / "report.json"));
  VEILSUM_ASSIGN_OR_RETURN(const std::string plan, ReadFile(folder / "federation" / "plan.json"));
  VEILSUM_ASSIGN_OR_RETURN(const std::string model, ReadFile(folder / "model.safetensors"));
  return InputOfRun(Json::parse(report, nullptr, false), plan, AsBytes(model), std::move(facts),
                    builder);
}

}  // namespace veilsum::cli
