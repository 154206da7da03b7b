// What a demo is about to run: data, plan, seats. All of it known before any process starts.
#pragma once

#include "cli/demo/options.h"
#include "cli/demo/setup/output_folder.h"
#include "cli/release/start_package.h"
#include "cli/support/outcome.h"
#include "client/data/manifest.h"
#include "model/plan/plan.h"

namespace veilsum::cli {

struct Scenario {
  std::filesystem::path data;  // the folder with manifest.json
  std::string source;          // for the report
  bool synthetic = false;
  model::Plan plan;  // with --epsilon, --delta, --rounds and --min-survivors applied
  std::string plan_json, plan_sha256;
  std::optional<StartPackage> start;  // that the plan names
  std::vector<client::Seat> seats;
};

// Generates shops into `out` when there is no --data. Usage errors: a folder that is not there, no
// example plan of that name; configuration errors (exit 78): a plan that does not parse, that
// this version cannot run or that --start-from does not fit; wrong data (2): the manifest.
// `examples` is the folder of example plans.
Outcome PrepareScenario(const DemoOptions& options, const OutputFolder& out,
                        const std::filesystem::path& examples, Scenario& scenario);

}  // namespace veilsum::cli
