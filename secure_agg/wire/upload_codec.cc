#include "secure_agg/wire/upload_codec.h"

#include <algorithm>

#include "secure_agg/wire/fields.h"

namespace veilsum::secure_agg {

namespace pb = secagg::v1;

pb::UploadFrame EncodeUploadFrame(const MaskedUpload& upload, std::size_t offset) {
  VEILSUM_CHECK(offset < upload.words->size());
  pb::UploadFrame wire;
  if (offset == 0) wire.set_round(upload.round.value());
  wire.set_words(
      ToWire(ByteView(*upload.words)
                 .subspan(offset, std::min(kMaxFrameBytes, upload.words->size() - offset))));
  return wire;
}

absl::StatusOr<RoundId> ParseUploadRound(const pb::UploadFrame& first) {
  if (first.round() == 0)
    return InvalidArgument("SA-37: round is 0 in the first frame, must be at least 1");
  return RoundId(first.round());
}

UploadAssembly::UploadAssembly(std::size_t expected) : expected_(expected) {
  words_.reserve(expected);
}

absl::Status UploadAssembly::Add(const pb::UploadFrame& frame) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("upload frame", frame));
  const std::size_t size = frame.words().size();
  if (size == 0 || size > kMaxFrameBytes)
    return InvalidArgument("SA-37: words has %d bytes, must have 1 to %d", size, kMaxFrameBytes);
  if (size > expected_ - words_.size())  // SA-20
    return InvalidArgument("SA-20: words exceeds the %d bytes of the upload", expected_);
  if (!first_ && frame.round() != 0) return InvalidArgument("SA-37: round is set in a later frame");
  first_ = false;
  const ByteView bytes = AsBytes(frame.words());
  words_.insert(words_.end(), bytes.begin(), bytes.end());
  return absl::OkStatus();
}

absl::StatusOr<Bytes> UploadAssembly::Take() && {
  if (!complete())
    return InvalidArgument("SA-20: the upload has %d bytes, must have %d", words_.size(),
                           expected_);
  return std::move(words_);
}

}  // namespace veilsum::secure_agg
