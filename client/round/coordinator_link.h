// A client's view of its coordinator, without gRPC, so that a round can be driven by a test as well
// as by a network.
#pragma once

#include "base/bytes.h"
#include "veilsum/coordinator/v1/rounds.pb.h"

namespace veilsum::client {

// One stream at a time. Every call blocks until its deadline; Unavailable means: connect again
// later. Read has a short deadline, so that its caller can look at its own clock: DeadlineExceeded
// means that nothing has come yet, and the stream stays usable.
class CoordinatorLink {
 public:
  virtual ~CoordinatorLink() = default;
  virtual absl::StatusOr<coordinator::v1::ServerMessage> Read() = 0;
  virtual absl::Status Write(const coordinator::v1::ClientMessage& message) = 0;
  // Sends the masked vector of `round` in frames; returns when the coordinator has all of it.
  virtual absl::Status Upload(std::uint64_t round, ByteView words) = 0;
  // The bytes of a model; refuses more than `limit` before allocation. The caller checks the hash
  // (SA-16).
  virtual absl::StatusOr<Bytes> FetchModel(const Hash32& model_hash, std::size_t limit) = 0;
  virtual void Close() = 0;
};

}  // namespace veilsum::client
