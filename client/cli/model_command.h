// `veilsum-client model import|status`: the releases on this machine.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "base/exit_code.h"

namespace veilsum::client {

struct ModelImport {
  std::string package;     // a release package's folder
  std::string metadata;    // a copy of the repository's folder: metadata/ and director/
  std::string store;       // made when it is not there
  std::string root;        // for a new store: the first root, received out of band
  std::string client;      // own SPIFFE ID
  double epsilon_max = 0;  // 0: any
};

// Every check of an update over a network, from a stick (docs/rollout.md). Prints the report as one
// line of JSON. kFindings: refused, and what served before still does.
ExitCode RunModelImport(const ModelImport& options, const std::string& version);

// What serves, what is kept, and what was seen; one line of JSON.
ExitCode RunModelStatus(const std::string& store);

struct ModelArguments {
  ModelImport import;
  std::string store;  // of status
};
struct ModelCommands {
  CLI::App *import, *status;
};
ModelCommands AddModelCommands(CLI::App& app, ModelArguments& arguments);

}  // namespace veilsum::client
