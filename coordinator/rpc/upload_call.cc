#include "coordinator/rpc/upload_call.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include "coordinator/rpc/status_map.h"
#include "secure_agg/wire/upload_frame.h"

namespace veilsum::coordinator {

UploadCall::UploadCall(grpc::CallbackServerContext* context, std::string seat,
                       RoundsBackend& rounds, UploadAdmission& admission,
                       std::shared_ptr<BufferPool> buffers, const RpcLimits& limits)
    : seat_(std::move(seat)),
      rounds_(rounds),
      admission_(admission),
      buffers_(std::move(buffers)),
      limits_(limits),
      deadline_(context) {}

void UploadCall::Begin() {
  self_ = shared_from_this();
  // Weak: a place may be offered after the call has ended; End has given it back by then.
  const absl::Status entered = admission_.Enter(seat_, this, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Admitted();
  });
  if (entered.ok()) return;
  entered_ = false;
  End(entered);
}

void UploadCall::Admitted() {
  const std::lock_guard lock(mutex_);
  if (stage_ != Stage::kWaiting) return;
  stage_ = Stage::kReading;
  deadline_.Start(limits_.upload_deadline);
  StartRead(&frame_);
}

absl::Status UploadCall::TakeFrame() {
  grpc::ProtoBufferReader stream(&frame_);
  secure_agg::UploadFrameReader frame(&stream);
  VEILSUM_RETURN_IF_ERROR(frame.ReadHead());
  if (first_) {
    first_ = false;
    round_ = frame.round();
    VEILSUM_ASSIGN_OR_RETURN(const std::size_t expected, rounds_.ExpectUpload(seat_, round_));
    words_ = buffers_->Take(expected);
  } else if (frame.round() != 0) {
    return InvalidArgument("SA-20: only the first frame of an upload names its round");
  } else if (frame.size() == 0) {
    return InvalidArgument("SA-20: empty frame in the upload of round %d", round_);
  }
  if (frame.size() > kFrameBytes)
    return InvalidArgument("SA-20: frame has %d bytes, at most %d", frame.size(), kFrameBytes);
  if (frame.size() > words_.size() - received_)
    return InvalidArgument("SA-20: upload of round %d has more than %d bytes", round_,
                           words_.size());
  VEILSUM_RETURN_IF_ERROR(frame.ReadWords(std::span(words_).subspan(received_, frame.size())));
  received_ += frame.size();
  return absl::OkStatus();
}

void UploadCall::OnReadDone(bool ok) {
  if (!ok) return Deliver();
  if (const absl::Status taken = TakeFrame(); !taken.ok()) return End(taken);
  const std::lock_guard lock(mutex_);
  if (stage_ == Stage::kReading) StartRead(&frame_);
}

void UploadCall::Deliver() {
  if (first_) return End(InvalidArgument("SA-20: an upload without a frame"));
  if (received_ != words_.size())
    return End(InvalidArgument("SA-20: upload of round %d has %d bytes, must have %d", round_,
                               received_, words_.size()));
  {
    const std::lock_guard lock(mutex_);
    if (stage_ != Stage::kReading) return;
    stage_ = Stage::kDelivered;
  }
  // The words are ours until they have been read, even when the call ends before that.
  rounds_.OnUpload(seat_, round_, words_,
                   [self = shared_from_this()](const absl::Status& status) { self->End(status); });
}

void UploadCall::OnCancel() {
  {
    // A pending read ends by itself and finishes the call then.
    const std::lock_guard lock(mutex_);
    if (stage_ == Stage::kReading) return;
  }
  End(Unavailable("upload cancelled"));
}

void UploadCall::End(const absl::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (stage_ == Stage::kFinished) return;
    stage_ = Stage::kFinished;
  }
  // Before the client hears of it: its next upload must find the place free.
  if (entered_) admission_.Leave(seat_, this);
  Finish(ToGrpc(status));
}

void UploadCall::OnDone() {
  deadline_.End();
  self_.reset();
}

}  // namespace veilsum::coordinator
