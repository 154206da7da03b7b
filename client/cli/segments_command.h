// `veilsum-client segments --data FILE`: groups of the merchant's own customers whom a released
// model sees alike, and what tells them apart. Nothing leaves the machine.
#pragma once

#include <CLI/CLI.hpp>

#include "base/exit_code.h"
#include "client/cli/release_choice.h"
#include "client/serve/segments.h"

namespace veilsum::client {

struct SegmentsOptions {
  ReleaseChoice release;
  SegmentsQuestion question;
  bool json = false;
};

CLI::App* AddSegmentsCommand(CLI::App& app, SegmentsOptions& options);
// Prints a text or one JSON object. kFindings: the package or the data are refused.
ExitCode RunSegments(const SegmentsOptions& options);

}  // namespace veilsum::client
