#include "cli/plan/plan_new.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/canonical_json.h"
#include "base/file.h"
#include "cli/plan/first_plan.h"
#include "client/data/manifest.h"

namespace veilsum::cli {
namespace {

namespace fs = std::filesystem;

struct Request {
  std::string file, data, merchant, unit, label;
};

// The names that the manifest lists under `key`, if it does.
std::set<std::string, std::less<>> Listed(const Json& manifest, const char* key) {
  std::set<std::string, std::less<>> names;
  const auto found = manifest.find(key);
  if (found == manifest.end() || !found->is_array()) return names;
  for (const Json& name : *found)
    if (name.is_string()) names.insert(name.get<std::string>());
  return names;
}

absl::StatusOr<std::vector<client::TableSketch>> SketchFolder(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".csv") files.push_back(entry.path());
  if (error) return NotFound("%s: there is no such folder", folder.string());
  std::ranges::sort(files);
  if (files.empty()) return InvalidArgument("%s: there is no .csv file in it", folder.string());
  std::vector<client::TableSketch> tables;
  for (const fs::path& file : files) {
    VEILSUM_ASSIGN_OR_RETURN(tables.emplace_back(), client::SketchTable(file));
  }
  return tables;
}

absl::StatusOr<std::string> Draft(const Request& request) {
  const fs::path data = request.data;
  VEILSUM_ASSIGN_OR_RETURN(const client::Manifest manifest, client::ReadManifest(data));
  // ReadManifest has parsed it.
  VEILSUM_ASSIGN_OR_RETURN(const std::string text,
                           ReadFile(data / "manifest.json", std::size_t{1} << 20));
  const Json json = Json::parse(text, nullptr, false);
  const std::string merchant =
      request.merchant.empty() ? manifest.merchants.front() : request.merchant;
  if (!std::ranges::binary_search(manifest.merchants, merchant))
    return InvalidArgument("--merchant: there is no folder merchants/%s", merchant);
  FirstPlan draft{.name = manifest.dataset,
                  .unit = request.unit,
                  .label = request.label,
                  .numeric = Listed(json, "numeric"),
                  .categorical = Listed(json, "categorical"),
                  .tables = {}};
  VEILSUM_ASSIGN_OR_RETURN(draft.tables, SketchFolder(data / "merchants" / merchant));
  return WriteFirstPlan(draft);
}

Outcome New(const Request& request) {
  std::error_code error;
  if (!request.file.empty() && fs::exists(request.file, error))
    return Outcome::Usage(InvalidArgument("%s: is there already; name a new file", request.file));
  const absl::StatusOr<std::string> plan = Draft(request);
  if (!plan.ok()) return {plan.status(), ExitCode::kFindings};
  if (request.file.empty()) {
    std::fputs(plan->c_str(), stdout);
    return {};
  }
  if (const absl::Status written = WriteFile(request.file, *plan); !written.ok()) return written;
  std::fprintf(stderr,
               "%s: a first plan. Fill in the bounds it leaves open, then: veilsum plan check %s\n",
               request.file.c_str(), request.file.c_str());
  return {};
}

}  // namespace

void AddPlanNew(CLI::App& plan, Outcome& outcome) {
  CLI::App* command = plan.add_subcommand(
      "new", "Draft a plan from the names and kinds of columns in one merchant's files");
  auto request = std::make_shared<Request>();
  command->add_option("FILE", request->file, "where to write it (default: standard output)");
  command
      ->add_option("--data", request->data, "folder with manifest.json and merchants/<name>/*.csv")
      ->required();
  command->add_option("--merchant", request->merchant, "whose files (default: the first by name)");
  command->add_option("--unit", request->unit, "column with the customer's id");
  command->add_option("--label", request->label, "what is predicted, as TABLE.COLUMN");
  command->callback([request, &outcome] { outcome = New(*request); });
}

}  // namespace veilsum::cli
