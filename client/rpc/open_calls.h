// The calls in flight of one connection, so that Close can cancel them from another thread.
#pragma once

#include <grpcpp/client_context.h>

#include <chrono>
#include <mutex>
#include <set>

namespace veilsum::client {

// Thread-safe.
class OpenCalls {
 public:
  void CancelAll() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (grpc::ClientContext* call : calls_) call->TryCancel();
  }

 private:
  friend class OpenCall;
  std::mutex mutex_;
  std::set<grpc::ClientContext*> calls_;
  bool closed_ = false;
};

// The context of one call, known to `all` while it lives. Cancelled from the start when CancelAll
// came first.
class OpenCall {
 public:
  explicit OpenCall(OpenCalls& all) : all_(all) {
    const std::lock_guard lock(all_.mutex_);
    all_.calls_.insert(&context_);
    if (all_.closed_) context_.TryCancel();
  }
  OpenCall(OpenCalls& all, std::chrono::milliseconds timeout) : OpenCall(all) {
    context_.set_deadline(std::chrono::system_clock::now() + timeout);
  }
  ~OpenCall() {
    const std::lock_guard lock(all_.mutex_);
    all_.calls_.erase(&context_);
  }
  OpenCall(const OpenCall&) = delete;
  OpenCall& operator=(const OpenCall&) = delete;
  grpc::ClientContext* context() { return &context_; }

 private:
  OpenCalls& all_;
  grpc::ClientContext context_;
};

// Gathers the frames of a stream; ResourceExhausted before more than `limit` bytes are held. Drains
// nothing on refusal: the caller cancels the call.
template <class Reader, class Frame>
bool GatherFrames(Reader& reader, Frame& frame, std::size_t limit, std::vector<std::uint8_t>& out) {
  while (reader.Read(&frame)) {
    if (frame.data().size() > limit - out.size()) return false;
    out.insert(out.end(), frame.data().begin(), frame.data().end());
  }
  return true;
}

}  // namespace veilsum::client
