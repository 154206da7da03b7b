// `veilsum-client enroll --token TOKEN --out DIR`: keys made here, certificates from the
// coordinator, a configuration to run with.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/status.h"

namespace veilsum::client {

// As typed.
struct EnrollArguments {
  std::string token = "", token_file = "", out = "", policy = "", passphrase_file = "";
  std::vector<std::string> data = {};
};

// Adds the subcommand; `arguments` must outlive the parse.
CLI::App* AddEnrollCommand(CLI::App& app, EnrollArguments& arguments);

// Prints the configuration's path on stdout.
absl::Status RunEnroll(const EnrollArguments& arguments);

}  // namespace veilsum::client
