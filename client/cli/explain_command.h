// `veilsum-client explain --data FILE|-`: what moves a released model's predictions over the
// merchant's own rows. Nothing leaves the machine.
#pragma once

#include <CLI/CLI.hpp>

#include "base/exit_code.h"
#include "client/cli/release_choice.h"
#include "client/serve/importance.h"

namespace veilsum::client {

struct ExplainOptions {
  ReleaseChoice release;
  ImportanceQuestion question;
  bool json = false;
};

CLI::App* AddExplainCommand(CLI::App& app, ExplainOptions& options);
// Prints a table or one JSON object. kFindings: the package or the data are refused.
ExitCode RunExplain(const ExplainOptions& options);

}  // namespace veilsum::client
