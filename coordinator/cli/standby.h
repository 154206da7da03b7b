// A coordinator whose store is shared, while another one has it: it listens, sends whoever comes
// to the leader, and waits for the lease.
#pragma once

#include <functional>
#include <future>
#include <memory>

#include "base/observe/log.h"
#include "coordinator/rpc/rpc_server.h"
#include "coordinator/store/postgres_lease.h"

namespace veilsum::coordinator {

struct StandbyParts {
  PostgresPlace place;
  RpcServerConfig rpc;    // its port stays the same when it was any free one
  std::string advertise;  // what others are told while this one leads; empty: where it listens
  // Asked when the store can be reached: an error ends the wait.
  std::function<absl::Status(PostgresLease&)> fit;
  std::function<absl::Status(const std::string& address)> listening;
};

// Until it has the lease; null when `stop` came first. The server is gone when this returns, and
// `address` is where it listened. A database that cannot be reached is tried again and again.
// Errors: of `fit` and `listening`, of the address, of a schema that is newer.
absl::StatusOr<std::unique_ptr<PostgresLease>> AwaitLease(const StandbyParts& parts,
                                                          const std::shared_future<void>& stop,
                                                          Log& log, std::string& address);

}  // namespace veilsum::coordinator
