// Asks every merchant's client whether its data are fit, before a contract names it (SE-15).
// The client answers one line of JSON on stdout: {"eligible":true,"size_class":4096},
// {"eligible":false,"reason":"..."}, or {"eligible":false,"data_error":"file:line: ..."}.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/demo/process/child.h"

namespace veilsum::cli {

struct PreflightVerdict {
  enum class Kind { kEligible, kTooSmall, kDataError, kFailed } kind = Kind::kFailed;
  std::uint64_t size_class = 0;  // eligible: a power of two
  std::string reason;            // else: for a person
};

// What the client's answer and ending mean. Anything that is not as above is kFailed.
PreflightVerdict ParseVerdict(std::string_view answer, const Ending& ending);

struct PreflightSeat {
  std::string name;
  std::filesystem::path config;
};

// Runs `program preflight --config F --json` for every seat, a few at a time; verdicts in the order
// of `seats`. Answers and logs go to `logs`. Cancelled when `cancel` (a descriptor, -1: none)
// becomes readable.
absl::StatusOr<std::vector<PreflightVerdict>> RunPreflights(const std::filesystem::path& program,
                                                            const std::vector<PreflightSeat>& seats,
                                                            const std::filesystem::path& logs,
                                                            int cancel);

// Why no run can start, OK when it can. Every merchant's data error is in the message
// (InvalidArgument, exit 2), one a line. FailedPrecondition: fewer than three are eligible.
absl::Status CheckVerdicts(const std::vector<PreflightSeat>& seats,
                           const std::vector<PreflightVerdict>& verdicts);

// "shop_7 is left out: <reason>; ...", with advice to pool.
std::string DeclinedLine(const std::string& name, const PreflightVerdict& verdict);

}  // namespace veilsum::cli
