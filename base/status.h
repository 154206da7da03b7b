// Makers of absl::Status that take a format, and the two macros that pass a Status on.
// The code says what the caller does next; the message names field, value and bound, and never a
// secret.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"

namespace veilsum {

// Defines Name(format, args...) as the absl error of the same name with a checked format string.
#define VEILSUM_STATUS_MAKER(Name)                                                                \
  template <class... Args>                                                                        \
  [[nodiscard]] absl::Status Name(const absl::FormatSpec<Args...>& format, const Args&... args) { \
    return absl::Name##Error(absl::StrFormat(format, args...));                                   \
  }
VEILSUM_STATUS_MAKER(InvalidArgument)     // fix the input
VEILSUM_STATUS_MAKER(FailedPrecondition)  // wrong phase or state
VEILSUM_STATUS_MAKER(PermissionDenied)    // not yours to ask
VEILSUM_STATUS_MAKER(Unauthenticated)     // who are you
VEILSUM_STATUS_MAKER(ResourceExhausted)   // no budget or quota left
VEILSUM_STATUS_MAKER(NotFound)
VEILSUM_STATUS_MAKER(AlreadyExists)
VEILSUM_STATUS_MAKER(Aborted)      // redo the transaction, or the round ended without a result
VEILSUM_STATUS_MAKER(Unavailable)  // try again
VEILSUM_STATUS_MAKER(DeadlineExceeded)
VEILSUM_STATUS_MAKER(DataLoss)  // wake someone
VEILSUM_STATUS_MAKER(Internal)  // our bug
VEILSUM_STATUS_MAKER(Unimplemented)
#undef VEILSUM_STATUS_MAKER

// The same error with `context` and a colon in front of its message.
inline absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrFormat("%s: %s", context, status.message()));
}

}  // namespace veilsum

#define VEILSUM_CONCAT_INNER(a, b) a##b
#define VEILSUM_CONCAT(a, b) VEILSUM_CONCAT_INNER(a, b)

#define VEILSUM_RETURN_IF_ERROR(expression)                                                      \
  do {                                                                                           \
    if (absl::Status veilsum_status = (expression); !veilsum_status.ok()) return veilsum_status; \
  } while (false)

#define VEILSUM_ASSIGN_OR_RETURN(lhs, expression) \
  VEILSUM_ASSIGN_OR_RETURN_INNER(VEILSUM_CONCAT(veilsum_or_, __LINE__), lhs, expression)
#define VEILSUM_ASSIGN_OR_RETURN_INNER(temporary, lhs, expression) \
  auto temporary = (expression);                                   \
  if (!temporary.ok()) return std::move(temporary).status();       \
  lhs = *std::move(temporary)

// For our own bugs only, never for a peer's bytes.
#define VEILSUM_CHECK(condition)                                              \
  do {                                                                        \
    if (!(condition)) ::veilsum::CheckFailed(#condition, __FILE__, __LINE__); \
  } while (false)

namespace veilsum {
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);
}  // namespace veilsum
