// Cancels a callback call that has not ended in time, so that a peer which stops sending or reading
// holds nothing for long.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <memory>
#include <mutex>

namespace veilsum::coordinator {

// Owned by the call's reactor. Start once; End from OnDone, after which the call is not touched any
// more.
class CallDeadline {
 public:
  explicit CallDeadline(grpc::CallbackServerContext* call) : shared_(std::make_shared<Shared>()) {
    shared_->call = call;
  }
  void Start(std::chrono::milliseconds length) {
    alarm_.Set(std::chrono::system_clock::now() + length, [shared = shared_](bool expired) {
      const std::lock_guard lock(shared->mutex);
      if (expired && shared->call != nullptr) shared->call->TryCancel();
    });
  }
  void End() {
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->call = nullptr;
    }
    alarm_.Cancel();
  }

 private:
  struct Shared {
    std::mutex mutex;
    grpc::CallbackServerContext* call = nullptr;
  };
  std::shared_ptr<Shared> shared_;  // outlives this object in a late alarm
  grpc::Alarm alarm_;
};

}  // namespace veilsum::coordinator
