// A channel to the coordinator: mutual TLS 1.3, the server known by its SPIFFE id (not by a host
// name), no proxy, no retry.
#pragma once

#include <grpcpp/channel.h>

#include <memory>

#include "client/rpc/grpc_coordinator_link.h"

namespace veilsum::client {

// Connected when it returns. Unavailable: nobody there, or a handshake that either side refused.
// InvalidArgument: coordinator_id is not a coordinator's, or the target is empty.
absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenSecureChannel(const LinkConfig& config);

// The status of a finished call. Codes are the same numbers in both; Cancelled (we closed) becomes
// Unavailable.
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace veilsum::client
