// Two calls that need no state of their own: one that is refused at once, and one that sends a byte
// string in frames.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <algorithm>
#include <memory>

#include "base/bytes.h"
#include "coordinator/rpc/call_deadline.h"
#include "coordinator/rpc/rpc_server.h"
#include "coordinator/rpc/status_map.h"

namespace veilsum::coordinator {

// Ends a call of any kind with an error before anything of it is read. Deletes itself.
template <class Reactor>
class RefusedCall final : public Reactor {
 public:
  explicit RefusedCall(const absl::Status& reason) { this->Finish(ToGrpc(reason)); }
  void OnDone() override { delete this; }
};

// Sends `bytes` in frames of at most kFrameBytes. Deletes itself.
template <class Frame>
class BytesCall final : public grpc::ServerWriteReactor<Frame> {
 public:
  BytesCall(grpc::CallbackServerContext* context, std::shared_ptr<const Bytes> bytes,
            std::chrono::milliseconds deadline)
      : bytes_(std::move(bytes)), deadline_(context) {
    deadline_.Start(deadline);
    Next();
  }
  void OnWriteDone(bool ok) override {
    if (ok) return Next();
    this->Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the peer takes no more"));
  }
  void OnDone() override {
    deadline_.End();
    delete this;
  }

 private:
  void Next() {
    const std::size_t size = std::min(kFrameBytes, bytes_->size() - sent_);
    if (size == 0) return this->Finish(grpc::Status::OK);
    frame_.set_data(bytes_->data() + sent_, size);
    sent_ += size;
    this->StartWrite(&frame_);
  }

  std::shared_ptr<const Bytes> bytes_;
  CallDeadline deadline_;
  std::size_t sent_ = 0;
  Frame frame_;
};

}  // namespace veilsum::coordinator
