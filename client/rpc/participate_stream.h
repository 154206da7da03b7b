// The long stream of a client, as blocking calls with time limits. The calling thread waits on a
// completion queue of its own and so does gRPC's reading and decrypting itself: no other thread is
// woken for a message.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>

#include <atomic>
#include <deque>
#include <memory>

#include "base/status.h"
#include "veilsum/coordinator/v1/rounds.grpc.pb.h"

namespace veilsum::client {

// Read and Write by one thread, Close from any. The destructor waits for gRPC to let go.
class ParticipateStream {
 public:
  explicit ParticipateStream(coordinator::v1::Rounds::Stub& stub);
  ~ParticipateStream();
  ParticipateStream(const ParticipateStream&) = delete;

  // The next message; what arrived before the end of the stream comes first. DeadlineExceeded: none
  // yet. Otherwise the status that ended the stream; an end without an error is Unavailable.
  absl::StatusOr<coordinator::v1::ServerMessage> Read(std::chrono::milliseconds timeout);
  // Returns when gRPC has taken the message. After a timeout the stream is closed.
  absl::Status Write(const coordinator::v1::ClientMessage& message,
                     std::chrono::milliseconds timeout);
  void Close();

 private:
  enum Tag : std::uintptr_t { kStart = 1, kRead, kWrite, kFinish };
  using Time = std::chrono::system_clock::time_point;  // what gRPC's deadlines are in
  // Takes one event from the queue by `deadline`; false: none.
  bool Step(Time deadline);
  void StartRead();
  absl::Status End();  // why the stream is over; ends it
  static void* TagOf(Tag tag) { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(tag)); }

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<
      grpc::ClientAsyncReaderWriter<coordinator::v1::ClientMessage, coordinator::v1::ServerMessage>>
      stream_;
  coordinator::v1::ServerMessage incoming_;
  std::deque<coordinator::v1::ServerMessage> arrived_;
  bool started_ = false, reading_ = false, writing_ = false, finishing_ = false;
  bool over_ = false;   // nothing more can be read or written
  bool ended_ = false;  // end_ is known
  grpc::Status end_;
  std::atomic<bool> closed_ = false;
};

}  // namespace veilsum::client
