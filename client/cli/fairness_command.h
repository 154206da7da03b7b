// `veilsum-client fairness --data FILE|- --group COLUMN`: how a released model treats groups of the
// merchant's own customers whose outcome is known. Nothing leaves the machine.
#pragma once

#include <CLI/CLI.hpp>

#include "base/exit_code.h"
#include "client/cli/release_choice.h"
#include "client/serve/group_report.h"

namespace veilsum::client {

struct FairnessOptions {
  ReleaseChoice release;
  FairnessQuestion question;
  bool json = false;
};

CLI::App* AddFairnessCommand(CLI::App& app, FairnessOptions& options);
// Prints a table or one JSON object. kFindings: the package or the data are refused.
ExitCode RunFairness(const FairnessOptions& options);

}  // namespace veilsum::client
