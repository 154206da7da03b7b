// One client's long stream: messages in, messages out. It is also the ClientLink that the rounds
// hold.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <mutex>

#include "coordinator/rpc/rpc_server.h"
#include "coordinator/rpc/tenant_quota.h"

namespace veilsum::coordinator {

// Lives while gRPC or the rounds need it; gRPC's part ends in OnDone. Every member behind mutex_
// unless it says otherwise.
class ParticipateCall final : public ClientLink,
                              public grpc::ServerBidiReactor<v1::ClientMessage, v1::ServerMessage>,
                              public std::enable_shared_from_this<ParticipateCall> {
 public:
  using Ended = std::function<void(ParticipateCall*)>;  // after OnDisconnected
  ParticipateCall(grpc::CallbackServerContext* context, std::string seat, RoundsBackend& rounds,
                  const RpcLimits& limits, RpcObserver* observer, Ended ended);

  void Begin();  // tells the rounds, then reads. Once, right after construction by make_shared
  const std::string& seat() const { return seat_; }

  void Send(const v1::ServerMessage& message) override;
  // Ends the stream with `reason` once all that was sent before has left.
  void Close(const absl::Status& reason) override;

  void Consumed() override;

  void OnReadDone(bool ok) override;
  void OnCancel() override { Close(Unavailable("the client is gone")); }
  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  void CloseLocked(const absl::Status& reason);
  void ReadLocked();  // the next message, or later, when fewer wait to be dealt with
  void
  AdvanceLocked();  // writes the next message, or finishes a closed stream whose queue is empty

  grpc::CallbackServerContext* context_;  // null after OnDone
  const std::string seat_;
  RoundsBackend& rounds_;
  const RpcLimits limits_;
  RpcObserver* const observer_;  // may be null
  const Ended ended_;
  std::shared_ptr<ParticipateCall> self_;  // held for gRPC until OnDone
  v1::ClientMessage incoming_;             // gRPC's between StartRead and OnReadDone

  std::mutex mutex_;
  std::deque<v1::ServerMessage> queue_;
  std::size_t queued_ = 0;  // bytes in queue_
  v1::ServerMessage outgoing_;
  std::deque<std::size_t> unconsumed_;  // bytes of messages that the rounds have not dealt with
  std::size_t unconsumed_bytes_ = 0;
  TokenBucket messages_;
  bool paused_ = false;  // no read is pending because of those
  bool writing_ = false, closed_ = false, finished_ = false;
  absl::Status reason_;
};

}  // namespace veilsum::coordinator
