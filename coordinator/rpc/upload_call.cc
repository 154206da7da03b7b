#include "coordinator/rpc/upload_call.h"

#include "coordinator/rpc/status_map.h"

namespace veilsum::coordinator {

UploadCall::UploadCall(grpc::CallbackServerContext* context, std::string seat,
                       RoundsBackend& rounds, UploadAdmission& admission, const RpcLimits& limits)
    : seat_(std::move(seat)),
      rounds_(rounds),
      admission_(admission),
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
  const std::string& part = frame_.words();
  if (first_) {
    first_ = false;
    round_ = frame_.round();
    VEILSUM_ASSIGN_OR_RETURN(expected_, rounds_.ExpectUpload(seat_, round_));
    words_.reserve(expected_);
  } else if (frame_.round() != 0) {
    return InvalidArgument("SA-20: only the first frame of an upload names its round");
  } else if (part.empty()) {
    return InvalidArgument("SA-20: empty frame in the upload of round %d", round_);
  }
  if (part.size() > kFrameBytes)
    return InvalidArgument("SA-20: frame has %d bytes, at most %d", part.size(), kFrameBytes);
  if (part.size() > expected_ - words_.size())
    return InvalidArgument("SA-20: upload of round %d has more than %d bytes", round_, expected_);
  const ByteView bytes = AsBytes(part);  // of the same type: copied as one block
  words_.insert(words_.end(), bytes.begin(), bytes.end());
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
  if (words_.size() != expected_)
    return End(InvalidArgument("SA-20: upload of round %d has %d bytes, must have %d", round_,
                               words_.size(), expected_));
  {
    const std::lock_guard lock(mutex_);
    if (stage_ != Stage::kReading) return;
    stage_ = Stage::kDelivered;
  }
  rounds_.OnUpload(seat_, round_, std::move(words_),
                   [weak = weak_from_this()](const absl::Status& status) {
                     if (const auto self = weak.lock()) self->End(status);
                   });
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
