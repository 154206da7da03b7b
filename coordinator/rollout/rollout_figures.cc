#include "coordinator/rollout/rollout_figures.h"

#include <algorithm>

#include "base/file.h"
#include "coordinator/rollout/client_report.h"
#include "coordinator/rollout/reconcile.h"
#include "coordinator/rollout/veto_vote.h"

namespace veilsum::coordinator {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxGateBytes = 64 << 10;
// Of docs/rollout.md, "What a client checks"; another code counts as other.
constexpr std::string_view kCodes[] = {
    "L001", "M501", "M502", "M503", "M504", "M505", "M506", "P301", "T601", "T602", "T603", "T604",
    "T605", "T606", "T607", "T608", "T609", "T610", "T611", "T612", "T613", "T614", "T615", "T616"};

using GateCounts = std::map<std::pair<std::string, std::string>, double>;

// What one decision was made by, as the conductor has stored it.
void CountGates(const fs::path& file, GateCounts& counts) {
  const absl::StatusOr<std::string> text = ReadFile(file, kMaxGateBytes);
  if (!text.ok()) return;
  const absl::StatusOr<Json> json = ParseCanonical(*text);
  if (!json.ok()) return;
  try {
    for (const Json& gate : json->at("gates"))
      ++counts[{gate.at("name").get<std::string>(), gate.at("verdict").get<std::string>()}];
  } catch (const Json::exception&) {
    return;
  }
}

void AddStages(const fs::path& folder, std::vector<RolloutFigure>& out) {
  GateCounts gates;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder / "rollouts", error)) {
    const absl::StatusOr<Rollout> rollout = LoadRollout(entry.path() / "rollout.json");
    if (!rollout.ok()) continue;
    const std::string& id = rollout->spec.rollout_id;
    out.push_back(
        {"veilsum_rollout_stage", {{"rollout", id}}, static_cast<double>(rollout->stage)});
    out.push_back({"veilsum_rollout_percent",
                   {{"rollout", id}},
                   static_cast<double>(DesiredOf(*rollout).percent)});
    out.push_back(
        {"veilsum_rollout_untold", {{"rollout", id}}, static_cast<double>(rollout->untold.size())});
    if (const auto votes = LoadVotes(folder, rollout->spec.digest); votes.ok())
      out.push_back(
          {"veilsum_rollout_votes", {{"rollout", id}}, static_cast<double>(votes->size())});
    std::error_code none;
    for (const fs::directory_entry& gate : fs::directory_iterator(entry.path() / "gates", none))
      if (gate.path().extension() == ".json") CountGates(gate.path(), gates);
  }
  for (const auto& [gate, count] : gates)
    out.push_back({"veilsum_rollout_gate", {{"gate", gate.first}, {"result", gate.second}}, count});
}

void AddReports(const fs::path& folder, std::vector<RolloutFigure>& out) {
  const auto reports = LoadReports(folder);
  if (!reports.ok()) return;
  std::map<std::string, double> results = {{"installed", 0}, {"up_to_date", 0}, {"refused", 0}};
  std::map<std::string, double> codes;
  for (const auto& [client, report] : *reports) {
    ++results[report.result];
    if (report.result != "refused") continue;
    const bool known = std::ranges::find(kCodes, report.code) != std::end(kCodes);
    ++codes[known ? report.code : "other"];
  }
  for (const auto& [result, count] : results)
    out.push_back({"veilsum_rollout_clients", {{"result", result}}, count});
  for (const std::string_view code : kCodes)
    out.push_back(
        {"veilsum_rollout_refusals", {{"code", std::string(code)}}, codes[std::string(code)]});
  out.push_back({"veilsum_rollout_refusals", {{"code", "other"}}, codes["other"]});
}

}  // namespace

std::vector<RolloutFigure> FiguresOf(const fs::path& folder) {
  std::vector<RolloutFigure> out;
  std::error_code error;
  if (!fs::is_directory(folder, error)) return out;
  AddStages(folder, out);
  AddReports(folder, out);
  return out;
}

}  // namespace veilsum::coordinator
