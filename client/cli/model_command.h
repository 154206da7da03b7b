// `veilsum-client model import|update|status|compare`: the releases on this machine.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/exit_code.h"
#include "client/cli/release_choice.h"

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

struct ModelUpdate {
  std::string config;  // client.toml: the coordinator, and whom this client is known as there
  std::string store;   // made when it is not there
  std::string root;    // for a new store: the first root, received out of band
  double epsilon_max = 0;
};

// One look at the coordinator's repository, and the report of it there. Prints as RunModelImport.
ExitCode RunModelUpdate(const ModelUpdate& options, const std::string& version);

// What serves, what is kept, and what was seen; one line of JSON.
ExitCode RunModelStatus(const std::string& store);

struct ModelCompare {
  ReleaseChoice before, after;    // packages with their keys
  std::vector<std::string> data;  // the merchant's folders
};

// The new release against the old one on this merchant's hold-out, with a 95 % interval; one line
// of JSON. Exact: for the merchant's own eyes. kFindings: a package or the data are refused.
ExitCode RunModelCompare(const ModelCompare& options);

struct ModelArguments {
  ModelImport import;
  ModelUpdate update;
  ModelCompare compare;
  std::string store;  // of status
};
struct ModelCommands {
  CLI::App *import, *update, *status, *compare;
};
ModelCommands AddModelCommands(CLI::App& app, ModelArguments& arguments);

}  // namespace veilsum::client
