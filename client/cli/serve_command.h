// `veilsum-client serve --store DIR`: predictions over HTTP on this machine's loopback, until it is
// told to stop.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/exit_code.h"
#include "client/cli/release_choice.h"

namespace veilsum::client {

struct ServeOptions {
  ReleaseChoice release;
  std::string address = "127.0.0.1";
  std::uint16_t port = 8737;
  std::uint16_t threads = 8;
  std::optional<std::uint16_t> grpc_port;  // none: no gRPC
  std::string config;  // client.toml: look for releases and report; empty: neither
  std::uint32_t look_seconds = 300;
  std::string feedback;            // folder; empty: not recorded
  std::vector<std::string> known;  // the merchant's own data folders
};

CLI::App* AddServeCommand(CLI::App& app, ServeOptions& options);
// Prints {"address":"127.0.0.1:8737"} when it serves, with "grpc" where that was asked for. Of a
// store it serves what becomes the present release, without dropping a request. SIGTERM or SIGINT:
// what was asked is answered, then kDone. `version`: of this program, for reports.
ExitCode RunServe(const ServeOptions& options, const std::string& version);

}  // namespace veilsum::client
