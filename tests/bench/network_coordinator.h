// The coordinator of the networked round, in a process of its own: the real server, run engine and
// store, stopped after every commit so that the other side of the ratio can be measured in the same
// process.
#pragma once

#include "tests/bench/network_world.h"

namespace veilsum::bench {

// From the coordinator, one packet each.
struct CoordinatorNews {
  enum Kind : std::uint32_t { kListens, kRoundOver, kMark, kKernels } kind = kListens;
  std::int32_t port = 0, bare_port = 0;             // kListens
  double cpu_seconds = 0;                           // kMark: so far. kRoundOver: of the round
  std::uint64_t received_bytes = 0;                 // kRoundOver: over TCP, TLS records and all
  std::uint64_t sent_bytes = 0;                     // kRoundOver
  std::uint64_t rss_bytes = 0, peak_rss_bytes = 0;  // kRoundOver: when it began, and its peak
  double add_seconds = 0, expand_seconds = 0;       // kKernels
};
// To the coordinator, between rounds only, one packet each.
enum class CoordinatorCommand : char { kMark, kKernels, kGoOn };

// News and commands go through `control`, a socket of packets; runs until the other end of `life`
// is closed. Returns an exit status.
int RunNetworkCoordinator(const NetworkWorld& world, int control, int life);

}  // namespace veilsum::bench
