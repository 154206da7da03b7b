// `veilsum-client recommend --package PKG --data FILE|- --top K`: the best of each customer's
// candidates. Nothing leaves the machine.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/exit_code.h"
#include "client/cli/release_choice.h"

namespace veilsum::client {

struct RecommendOptions {
  ReleaseChoice release;
  std::string data;  // a file of flat rows, or "-"
  std::string item;  // the column that names a candidate; empty: its row
  std::uint32_t top = 5;
  bool json = false;
};

CLI::App* AddRecommendCommand(CLI::App& app, RecommendOptions& options);
// Rows of one customer are the candidates; of a plan with classes each row's candidates are the
// classes. Prints a line for each choice (CSV) or for each customer (JSON). kFindings: the package
// or the data are refused.
ExitCode RunRecommend(const RecommendOptions& options);

}  // namespace veilsum::client
