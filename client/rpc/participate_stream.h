// The long stream of a client, as blocking calls with time limits over gRPC's callback interface.
#pragma once

#include <grpcpp/support/client_callback.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "base/status.h"
#include "veilsum/coordinator/v1/rounds.grpc.pb.h"

namespace veilsum::client {

// One reader and one writer thread at most, Close from any. The destructor waits for gRPC to let go.
class ParticipateStream final
    : public grpc::ClientBidiReactor<coordinator::v1::ClientMessage, coordinator::v1::ServerMessage> {
 public:
  explicit ParticipateStream(coordinator::v1::Rounds::Stub& stub);
  ~ParticipateStream() override;

  // The next message; what arrived before the end of the stream comes first. DeadlineExceeded: none yet. Otherwise the
  // status that ended the stream; an end without an error is Unavailable.
  absl::StatusOr<coordinator::v1::ServerMessage> Read(std::chrono::milliseconds timeout);
  // Returns when gRPC has taken the message. After a timeout the stream is closed.
  absl::Status Write(const coordinator::v1::ClientMessage& message, std::chrono::milliseconds timeout);
  void Close();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  static constexpr std::size_t kMaxWaiting = 64;  // messages read ahead; then flow control holds the coordinator
  absl::Status EndLocked() const;

  grpc::ClientContext context_;
  coordinator::v1::ServerMessage incoming_;
  coordinator::v1::ClientMessage outgoing_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<coordinator::v1::ServerMessage> arrived_;
  bool reading_ = true;  // a StartRead is under way
  bool writing_ = false, write_ok_ = false, holding_ = true, closed_ = false, done_ = false;
  absl::Status end_;
};

}  // namespace veilsum::client
