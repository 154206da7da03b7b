#include "coordinator/rpc/participate_call.h"

#include <grpcpp/server_context.h>

#include "coordinator/rpc/status_map.h"

namespace veilsum::coordinator {

ParticipateCall::ParticipateCall(grpc::CallbackServerContext* context, std::string seat,
                                 RoundsBackend& rounds, std::size_t queued_bytes, Ended ended)
    : context_(context),
      seat_(std::move(seat)),
      rounds_(rounds),
      queued_limit_(queued_bytes),
      ended_(std::move(ended)) {}

void ParticipateCall::Begin() {
  self_ = shared_from_this();
  rounds_.OnConnected(seat_, self_);
  const std::lock_guard lock(mutex_);
  if (!finished_) StartRead(&incoming_);  // the rounds may have closed it at once
}

void ParticipateCall::Send(const v1::ServerMessage& message) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  const std::size_t size = message.ByteSizeLong();
  if (queued_ + size > queued_limit_) {
    // A peer that does not read must not make us keep everything for it: what waits is dropped and
    // the stream cut.
    queue_.clear();
    queued_ = 0;
    CloseLocked(ResourceExhausted("the client does not take its messages: more than %d bytes wait",
                                  queued_limit_));
    if (context_ != nullptr) context_->TryCancel();
    return;
  }
  queue_.push_back(message);
  queued_ += size;
  AdvanceLocked();
}

void ParticipateCall::Close(const absl::Status& reason) {
  const std::lock_guard lock(mutex_);
  CloseLocked(reason);
}

void ParticipateCall::CloseLocked(const absl::Status& reason) {
  if (closed_) return;
  closed_ = true;
  reason_ = reason;
  AdvanceLocked();
}

void ParticipateCall::AdvanceLocked() {
  if (writing_ || finished_) return;
  if (!queue_.empty()) {
    writing_ = true;
    outgoing_ = std::move(queue_.front());
    queue_.pop_front();
    queued_ -= outgoing_.ByteSizeLong();
    StartWrite(&outgoing_);
  } else if (closed_) {
    finished_ = true;
    Finish(ToGrpc(reason_));
  }
}

void ParticipateCall::OnReadDone(bool ok) {
  if (ok) {
    bool deliver;
    {
      const std::lock_guard lock(mutex_);
      deliver = !closed_;
    }
    if (deliver) rounds_.OnMessage(seat_, self_, std::move(incoming_));
    const std::lock_guard lock(mutex_);
    incoming_.Clear();
    if (!finished_) StartRead(&incoming_);
    return;
  }
  const std::lock_guard lock(mutex_);
  CloseLocked(
      absl::OkStatus());  // the client is done, or gone: then a write fails or Finish goes nowhere
}

void ParticipateCall::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  if (!ok) {
    queue_.clear();
    queued_ = 0;
    CloseLocked(Unavailable("the client is gone"));
  }
  AdvanceLocked();
}

void ParticipateCall::OnDone() {
  {
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
    closed_ = finished_ = true;
  }
  const std::shared_ptr<ParticipateCall> self = std::move(self_);
  rounds_.OnDisconnected(seat_, self);
  ended_(this);
}

}  // namespace veilsum::coordinator
