// The masked vector in frames of at most 256 KiB; the first frame names the round (SA-20: a partial
// upload stays here).
#pragma once

#include "secure_agg/messages.h"
#include "veilsum/secagg/v1/secagg.pb.h"

namespace veilsum::secure_agg {

inline constexpr std::size_t kMaxFrameBytes = 256 * 1024;

// The frame that starts at `offset`: the bytes up to the limit, the round in the first one.
secagg::v1::UploadFrame EncodeUploadFrame(const MaskedUpload& upload, std::size_t offset);

// The round a stream is for, from its first frame. InvalidArgument when it is 0.
absl::StatusOr<RoundId> ParseUploadRound(const secagg::v1::UploadFrame& first);

// Puts the frames of one stream together, first frame included.
class UploadAssembly {
 public:
  // `expected`: exact size, from InputPhase::ExpectedBytes; memory is reserved once.
  explicit UploadAssembly(std::size_t expected);
  // InvalidArgument: an empty or oversized frame, more bytes than expected, a round in a later
  // frame.
  absl::Status Add(const secagg::v1::UploadFrame& frame);
  bool complete() const { return words_.size() == expected_; }
  // InvalidArgument unless complete.
  absl::StatusOr<Bytes> Take() &&;

 private:
  std::size_t expected_;
  bool first_ = true;
  Bytes words_;
};

}  // namespace veilsum::secure_agg
