// What can be wrong with a node before it runs, one line each, with what to do about it.
#pragma once

#include <string>
#include <vector>

#include "base/pki/certificate.h"
#include "client/cli/config.h"

namespace veilsum::client {

struct NodeCheck {
  std::string name;    // certificate, clock, dns, coordinator, mtu, disk, gpu, policy
  std::string fault;   // empty: all is well
  std::string remedy;  // for a fault
};

// Of a graphics card that is there and cannot be used: the driver's absence is no fault without
// one. `root` is "/", or a test's own.
NodeCheck CheckGpu(const std::filesystem::path& root);

// In the order above. Reads files and the names of hosts, and connects once to the coordinator.
// One that makes no sense after the fault of another is left out.
std::vector<NodeCheck> CheckNode(const ClientConfig& config, WallTime now);

}  // namespace veilsum::client
