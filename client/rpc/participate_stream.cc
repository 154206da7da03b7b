#include "client/rpc/participate_stream.h"

#include "client/rpc/secure_channel.h"

namespace veilsum::client {

ParticipateStream::ParticipateStream(coordinator::v1::Rounds::Stub& stub) {
  stub.async()->Participate(&context_, this);
  AddHold();  // reads and writes start outside reactions, until Close
  StartRead(&incoming_);
  StartCall();
}

ParticipateStream::~ParticipateStream() {
  Close();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return done_; });
}

absl::Status ParticipateStream::EndLocked() const {
  if (closed_) return Unavailable("closed");
  return end_.ok() ? Unavailable("the coordinator ended the stream") : end_;
}

absl::StatusOr<coordinator::v1::ServerMessage> ParticipateStream::Read(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  const bool ready = changed_.wait_for(lock, timeout, [this] { return !arrived_.empty() || done_ || closed_; });
  if (!ready) return DeadlineExceeded("no message within %d ms", timeout.count());
  if (closed_ || arrived_.empty()) return EndLocked();
  coordinator::v1::ServerMessage message = std::move(arrived_.front());
  arrived_.pop_front();
  if (!reading_ && holding_) {
    reading_ = true;
    StartRead(&incoming_);
  }
  return message;
}

absl::Status ParticipateStream::Write(const coordinator::v1::ClientMessage& message, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  if (writing_) return FailedPrecondition("two threads write to one link");
  if (!holding_) return EndLocked();
  outgoing_ = message;
  writing_ = true;
  StartWrite(&outgoing_);
  const bool taken = changed_.wait_for(lock, timeout, [this] { return !writing_; });
  if (!taken) {
    lock.unlock();
    Close();
    return Unavailable("the coordinator took no message within %d ms", timeout.count());
  }
  if (write_ok_) return absl::OkStatus();
  changed_.wait_for(lock, timeout, [this] { return done_ || closed_; });  // the reason comes with the end
  return EndLocked();
}

void ParticipateStream::Close() {
  bool release;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    release = std::exchange(holding_, false);
    if (!done_) context_.TryCancel();
    changed_.notify_all();
  }
  if (release) RemoveHold();
}

void ParticipateStream::OnReadDone(bool ok) {
  bool release = false;
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    if (ok) {
      arrived_.push_back(std::move(incoming_));
      if (arrived_.size() < kMaxWaiting && holding_) {
        reading_ = true;
        StartRead(&incoming_);
      }
    } else {
      release = std::exchange(holding_, false);  // the stream is over: nothing is started any more
    }
    changed_.notify_all();
  }
  if (release) RemoveHold();
}

void ParticipateStream::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  writing_ = false;
  write_ok_ = ok;
  changed_.notify_all();
}

void ParticipateStream::OnDone(const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  end_ = FromGrpc(status);
  done_ = true;
  changed_.notify_all();
}

}  // namespace veilsum::client
