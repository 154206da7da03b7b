// Addresses that stay on this machine. Internal to base/http.
#pragma once

#include "base/status.h"

namespace veilsum {

struct HostAndPort {
  std::string host;
  int port = 0;
};

// HOST:PORT, HOST 127.0.0.1, [::1] or localhost; InvalidArgument otherwise.
absl::StatusOr<HostAndPort> Loopback(const std::string& address);

}  // namespace veilsum
