#include "coordinator/rpc/participate_call.h"

#include <grpcpp/server_context.h>

#include "coordinator/rpc/status_map.h"

namespace veilsum::coordinator {

ParticipateCall::ParticipateCall(grpc::CallbackServerContext* context, std::string seat,
                                 RoundsBackend& rounds, const RpcLimits& limits,
                                 RpcObserver* observer, Ended ended)
    : context_(context),
      seat_(std::move(seat)),
      rounds_(rounds),
      limits_(limits),
      observer_(observer),
      ended_(std::move(ended)),
      messages_(limits.messages) {}

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
  if (queued_ + size > limits_.queued_bytes) {
    // A peer that does not read must not make us keep everything for it: what waits is dropped and
    // the stream cut.
    queue_.clear();
    queued_ = 0;
    CloseLocked(ResourceExhausted("the client does not take its messages: more than %d bytes wait",
                                  limits_.queued_bytes));
    if (observer_ != nullptr) observer_->Limited("queue", seat_);
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
      if (!closed_ && !messages_.Take(limits_.messages, std::chrono::steady_clock::now())) {
        if (observer_ != nullptr) observer_->Limited("messages", seat_);
        CloseLocked(
            ResourceExhausted("more than %g messages a second", limits_.messages.per_second));
      }
      deliver = !closed_;
      if (deliver) {
        unconsumed_.push_back(incoming_.ByteSizeLong());
        unconsumed_bytes_ += unconsumed_.back();
      }
    }
    if (deliver) rounds_.OnMessage(seat_, self_, std::move(incoming_));
    const std::lock_guard lock(mutex_);
    incoming_.Clear();
    return ReadLocked();
  }
  const std::lock_guard lock(mutex_);
  CloseLocked(
      absl::OkStatus());  // the client is done, or gone: then a write fails or Finish goes nowhere
}

void ParticipateCall::ReadLocked() {
  if (finished_) return;
  paused_ = unconsumed_.size() >= limits_.unconsumed_messages ||
            unconsumed_bytes_ >= limits_.unconsumed_bytes;
  if (!paused_) StartRead(&incoming_);
}

void ParticipateCall::Consumed() {
  const std::lock_guard lock(mutex_);
  if (unconsumed_.empty()) return;
  unconsumed_bytes_ -= unconsumed_.front();
  unconsumed_.pop_front();
  if (paused_) ReadLocked();
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
