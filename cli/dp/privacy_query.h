// What `veilsum dp` was asked, as typed on the command line, and its answer as text. No parsing of
// argv here.
#pragma once

#include <cstdint>
#include <string>

#include "base/exit_code.h"
#include "base/status.h"

namespace veilsum::cli {

struct PrivacyQuery {
  double noise_multiplier = 0;  // `epsilon` only
  double epsilon = 0;           // `noise` only
  double delta = 0;
  std::string sampling_rate = "1";
  std::uint64_t steps = 1;
  std::string mechanism = "gaussian";
  std::string accountant = "rdp";
  std::string neighbouring = "add-remove";
  bool json = false;
};

// One line of text, or one JSON object:
// {"accountant","delta","epsilon","mechanism","neighbouring","noise_multiplier","order",
// "sampling_rate","steps"}; an infinite epsilon is null. InvalidArgument names the flag's field and
// bound; Unimplemented names an accountant, mechanism or neighbouring relation that this build
// lacks; FailedPrecondition when no noise meets the target.
absl::StatusOr<std::string> AnswerEpsilon(const PrivacyQuery& query);
absl::StatusOr<std::string> AnswerNoise(const PrivacyQuery& query);

// kUsage for InvalidArgument and Unimplemented, which the caller mends by other flags.
ExitCode ExitCodeOfAnswer(const absl::Status& status);

}  // namespace veilsum::cli
