// Why a client does not take a release: one code for each check, in the order in which the checks
// are made. Codes are stable: reports and metrics count them.
#pragma once

#include <string_view>

#include "base/status.h"

namespace veilsum::release {

enum class Refusal {
  kClock,         // T601 the clock is behind what was seen before
  kRoot,          // T602 the chain of roots does not hold
  kSignature,     // T603 metadata that its role's keys have not signed, by its threshold
  kExpired,       // T604 metadata past its date: a freeze
  kRollback,      // T605 an older version than was seen before
  kMixAndMatch,   // T606 not the metadata that snapshot or timestamp name
  kOversize,      // T607 more bytes than the role may have
  kMalformed,     // T608 metadata of another form
  kWrongClient,   // T609 the director addressed somebody else
  kWrongTarget,   // T610 the director names what the release keys did not sign
  kCounter,       // T611 an older release than was installed, or than is safe
  kRevoked,       // T612
  kOutOfDate,     // T613 the release is past its not_after
  kIncompatible,  // T614 schema, preprocessing, opset or client version
  kEndlessData,   // T615 more bytes than declared
  kTooSlow,       // T616 fewer bytes a second than the least
  kDigest,        // M501 a file is not what was signed
  kModelSigned,   // M502 the model's signature does not hold
  kExtraFile,     // M503 a file that nobody signed
  kPackage,       // M504 the package contradicts itself or the format
  kNumbers,       // M505 a number that is not finite
  kSelfTest,      // M506 other outputs than the release states
  kLedgerProof,   // L001 the ledger's proof is missing or wrong
  kPolicy,        // P301 this merchant's own policy
};
std::string_view CodeOf(Refusal refusal);  // "T601"

// FailedPrecondition, its message beginning with the code: "T605: snapshot is version 3, ...".
template <class... Args>
[[nodiscard]] absl::Status Refuse(Refusal why, const absl::FormatSpec<Args...>& format,
                                  const Args&... args) {
  return FailedPrecondition("%s: %s", CodeOf(why), absl::StrFormat(format, args...));
}
// The status under a code of its own, unless it has one.
absl::Status RefuseAs(Refusal why, const absl::Status& status);
// "T605" of such a status; empty of any other.
std::string_view RefusalCode(const absl::Status& status);

}  // namespace veilsum::release
