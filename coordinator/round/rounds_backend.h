// What the RPC layer needs of the coordinator, and what the coordinator needs of a connection. No
// gRPC here.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "veilsum/coordinator/v1/rounds.pb.h"

namespace veilsum::coordinator {

// The open stream of one client. Thread-safe; messages leave in the order of Send; a closed link
// drops them.
class ClientLink {
 public:
  virtual ~ClientLink() = default;
  virtual void Send(const v1::ServerMessage& message) = 0;
  virtual void Close(const absl::Status& reason) = 0;
  // The oldest message that OnMessage was given is dealt with. A link that has too many which are
  // not reads no more until then, so that one client's flood waits at that client.
  virtual void Consumed() {}
};

// Called from RPC threads: implementations queue and return at once. `seat` is the SPIFFE URI of
// the certificate (SA-38).
class RoundsBackend {
 public:
  virtual ~RoundsBackend() = default;
  virtual void OnConnected(const std::string& seat, std::shared_ptr<ClientLink> link) = 0;
  // Once for each message: link->Consumed(), now or later.
  virtual void OnMessage(const std::string& seat, const std::shared_ptr<ClientLink>& link,
                         v1::ClientMessage message) = 0;
  virtual void OnDisconnected(const std::string& seat, const std::shared_ptr<ClientLink>& link) = 0;

  // How many bytes this seat's upload of `round` must have. An error refuses the stream before it
  // is read (SA-20, SA-21).
  virtual absl::StatusOr<std::size_t> ExpectUpload(const std::string& seat,
                                                   std::uint64_t round) = 0;
  // A complete upload of exactly that size. `done` answers the client, once at most; it may be
  // called from any thread. `words` may be read until `done` has been called or destroyed, with all
  // its copies.
  virtual void OnUpload(const std::string& seat, std::uint64_t round, ByteView words,
                        std::function<void(absl::Status)> done) = 0;
  // NotFound when the hash is not of the model that the run of this seat has on offer.
  virtual absl::StatusOr<std::shared_ptr<const Bytes>> ModelBytes(const std::string& seat,
                                                                  const Hash32& model_hash) = 0;
};

}  // namespace veilsum::coordinator
