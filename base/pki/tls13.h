// TLS 1.3 and nothing below (SA-38). gRPC 1.51 offers no minimum version, but takes the list of TLS
// <= 1.2 ciphers from the environment: a list that needs RSA certificates leaves 1.2 without any
// cipher for our elliptic-curve keys, so every handshake below 1.3 fails. TLS 1.3 has its own list,
// which this does not touch.
#pragma once

#include "base/status.h"

namespace veilsum {

// Call at the start of main, before threads and before any use of gRPC; servers and links call it
// again, to no effect. FailedPrecondition: the environment already holds another list, so that
// TLS 1.2 could be negotiated.
absl::Status RequireTls13();

}  // namespace veilsum
