// `veilsum-client model personalise --store DIR --data DIR --out FILE`: this merchant's own model
// of a release, kept only when it is better on this merchant's hold-out.
#pragma once

#include <CLI/CLI.hpp>

#include "base/exit_code.h"
#include "client/cli/release_choice.h"
#include "client/insight/personalise.h"

namespace veilsum::client {

struct PersonaliseOptions {
  ReleaseChoice release;
  std::vector<std::string> data;  // the merchant's folders
  std::string out;
  bool all = false;
  Personalisation terms;
};

// `model` is the command of that name.
CLI::App* AddPersonaliseCommand(CLI::App& model, PersonaliseOptions& options);
// Prints one line of JSON. kFindings: the release or the data are refused, or the release is
// better; nothing is written then.
ExitCode RunPersonalise(const PersonaliseOptions& options);

}  // namespace veilsum::client
