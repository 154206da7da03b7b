// Sends a model as ModelFrames whose data is the model itself: every client of a round is sent the
// same bytes, which are copied for the first time when TLS encrypts them.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <memory>

#include "base/bytes.h"
#include "coordinator/rpc/call_deadline.h"

namespace veilsum::coordinator {

// The serialised ModelFrame of `size` bytes from `offset` on; it keeps `model` alive and refers to
// it.
grpc::ByteBuffer ModelFrameOf(const std::shared_ptr<const Bytes>& model, std::size_t offset,
                              std::size_t size);

// Deletes itself.
class ModelCall final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
 public:
  ModelCall(grpc::CallbackServerContext* context, std::shared_ptr<const Bytes> model,
            std::chrono::milliseconds deadline);
  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  void Next();

  const std::shared_ptr<const Bytes> model_;
  CallDeadline deadline_;
  std::size_t sent_ = 0;
  grpc::ByteBuffer frame_;
};

}  // namespace veilsum::coordinator
