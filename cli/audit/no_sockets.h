// A program that must not reach a network says so to the kernel (seccomp(2), filter mode): from
// then on every way to make or use a socket, and every way to start another program, fails with
// EPERM, in all threads and for good. What an auditor runs needs files alone.
#pragma once

#include "base/status.h"

namespace veilsum::cli {

// Tries a socket afterwards. Unavailable: the kernel has no such filter; Internal: a socket could
// be opened nevertheless.
absl::Status ForbidSockets();

}  // namespace veilsum::cli
