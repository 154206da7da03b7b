// `veilsum-coordinator record`: entries of the ledger that tell of something outside a run, while
// the coordinator does not serve: what tenants have stated, releases, revocations.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/status.h"

namespace veilsum::coordinator {

// As typed.
struct RecordArguments {
  std::string config = "", release = "", key = "", revoke = "", reason = "";
  std::vector<std::string> statements = {}, approvers = {};
};

// Adds the subcommand; `arguments` must outlive the parse.
CLI::App* AddRecordCommand(CLI::App& app, RecordArguments& arguments);

// In this order: statements, release, revocation; each durable before the next. What is there
// already is not written again. Prints the ledger's size. Approvers are written as they were typed.
// NotFound: there is no store. FailedPrecondition with a finding's code:
// the ledger's rules forbid it. Unauthenticated: a statement that is not signed by its seat.
absl::Status Record(const RecordArguments& arguments);

}  // namespace veilsum::coordinator
