// veilsum-client evidence: what this merchant hands to an auditor, or to whoever makes the bundle.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/exit_code.h"

namespace veilsum::client {

// As typed.
struct EvidenceArguments {
  std::string config = "", out = "";
  std::vector<std::string> disclose = {};  // digests in hex
};

// Adds the subcommand; `arguments` must outlive the parse.
CLI::App* AddEvidenceCommand(CLI::App& app, EvidenceArguments& arguments);

// Writes to `out`, laid out as a bundle (docs/formats.md): receipts, the last head witnessed with
// the own cosignature (`checkpoint`), the witness key (`witness`), and the hidden values named.
// kTryAgain while a client has its stores open; kConfiguration for a bad configuration.
ExitCode RunEvidence(const EvidenceArguments& arguments);

}  // namespace veilsum::client
