// `veilsum-client evaluate --package PKG --data FILE|-`: what a released model's recommendations
// are worth on rows whose outcome is known. Nothing leaves the machine.
#pragma once

#include <CLI/CLI.hpp>

#include "base/exit_code.h"
#include "client/cli/release_choice.h"
#include "client/serve/evaluate.h"

namespace veilsum::client {

struct EvaluateOptions {
  ReleaseChoice release;
  EvaluateQuestion question;
};

CLI::App* AddEvaluateCommand(CLI::App& app, EvaluateOptions& options);
// Prints one JSON object (client/serve/evaluate.h). kFindings: the package or the data are refused.
ExitCode RunEvaluate(const EvaluateOptions& options);

}  // namespace veilsum::client
