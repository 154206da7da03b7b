#include "client/rpc/participate_stream.h"

#include "client/rpc/secure_channel.h"

namespace veilsum::client {
namespace {

constexpr std::chrono::seconds kEndPatience{10};  // for the status of a stream that is over

}  // namespace

ParticipateStream::ParticipateStream(coordinator::v1::Rounds::Stub& stub)
    : stream_(stub.AsyncParticipate(&context_, &queue_, TagOf(kStart))) {}

ParticipateStream::~ParticipateStream() {
  Close();
  (void)End();
  queue_.Shutdown();
  void* tag;
  bool ok;
  while (queue_.Next(&tag, &ok)) {
  }
}

void ParticipateStream::StartRead() {
  reading_ = true;
  stream_->Read(&incoming_, TagOf(kRead));
}

bool ParticipateStream::Step(Time deadline) {
  void* tag = nullptr;
  bool ok = false;
  if (queue_.AsyncNext(&tag, &ok, deadline) != grpc::CompletionQueue::GOT_EVENT) return false;
  switch (static_cast<Tag>(reinterpret_cast<std::uintptr_t>(tag))) {
    case kStart:
      started_ = true;
      if (ok) StartRead();
      break;
    case kRead:
      reading_ = false;
      if (ok) {
        arrived_.push_back(std::move(incoming_));
        StartRead();
      }
      break;
    case kWrite:
      writing_ = false;
      break;
    case kFinish:
      finishing_ = false;
      ended_ = true;
      break;
  }
  if (!ok) over_ = true;
  return true;
}

absl::StatusOr<coordinator::v1::ServerMessage> ParticipateStream::Read(
    std::chrono::milliseconds timeout) {
  const Time deadline = std::chrono::system_clock::now() + timeout;
  while (arrived_.empty() && !over_ && !closed_)
    if (!Step(deadline)) return DeadlineExceeded("no message within %d ms", timeout.count());
  if (closed_) return Unavailable("closed");
  if (arrived_.empty()) return End();
  coordinator::v1::ServerMessage message = std::move(arrived_.front());
  arrived_.pop_front();
  return message;
}

absl::Status ParticipateStream::Write(const coordinator::v1::ClientMessage& message,
                                      std::chrono::milliseconds timeout) {
  const Time deadline = std::chrono::system_clock::now() + timeout;
  const auto wait_for = [&](auto condition) {
    while (!condition() && !over_ && !closed_)
      if (!Step(deadline)) return false;
    return true;
  };
  bool taken = wait_for([this] { return started_; });
  if (taken && !over_ && !closed_) {
    writing_ = true;
    stream_->Write(message, TagOf(kWrite));
    taken = wait_for([this] { return !writing_; });
  }
  if (!taken) {
    Close();
    return Unavailable("the coordinator took no message within %d ms", timeout.count());
  }
  return over_ || closed_ ? End() : absl::OkStatus();
}

absl::Status ParticipateStream::End() {
  const Time deadline = std::chrono::system_clock::now() + kEndPatience;
  if (!over_) context_.TryCancel();
  while (!started_ || reading_ || writing_)
    if (!Step(deadline)) break;
  if (!ended_ && !finishing_ && started_) {
    finishing_ = true;
    stream_->Finish(&end_, TagOf(kFinish));
  }
  while (finishing_)
    if (!Step(deadline)) break;
  if (closed_) return Unavailable("closed");
  return end_.ok() ? Unavailable("the coordinator ended the stream") : FromGrpc(end_);
}

void ParticipateStream::Close() {
  closed_ = true;
  context_.TryCancel();
}

}  // namespace veilsum::client
