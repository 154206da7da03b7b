// `veilsum-client predict --package PKG --data FILE|-`: a released model's predictions. Nothing
// leaves the machine.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/exit_code.h"
#include "client/cli/release_choice.h"

namespace veilsum::client {

struct PredictOptions {
  ReleaseChoice release;
  std::string data;   // a file of flat rows, "-", or a folder with the merchant's tables
  bool json = false;  // JSON lines instead of CSV
  bool explain = false;
};

// Verifies the package, then prints a line for each row. kFindings: the package or the data are
// refused; whole batches of rows before a bad one are printed.
ExitCode RunPredict(const PredictOptions& options);
CLI::App* AddPredictCommand(CLI::App& app, PredictOptions& options);

}  // namespace veilsum::client
