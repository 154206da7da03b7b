#include "secure_agg/wire/upload_frame.h"

#include "veilsum/secagg/v1/secagg.pb.h"

namespace veilsum::secure_agg {
namespace {

using Frame = secagg::v1::UploadFrame;

constexpr std::uint32_t kVarint = 0, kLengthDelimited = 2;
constexpr std::uint32_t kRoundTag = Frame::kRoundFieldNumber << 3 | kVarint;
constexpr std::uint32_t kWordsTag = Frame::kWordsFieldNumber << 3 | kLengthDelimited;

absl::Status Malformed() {
  return InvalidArgument("SA-37: an upload frame has a round and words, in this order, or less");
}

}  // namespace

absl::Status UploadFrameReader::ReadHead() {
  std::uint32_t tag = input_.ReadTag();
  if (tag == kRoundTag) {
    if (!input_.ReadVarint64(&round_)) return Malformed();
    tag = input_.ReadTag();
  }
  if (tag == kWordsTag) return input_.ReadVarint32(&size_) ? absl::OkStatus() : Malformed();
  return tag == 0 && input_.ConsumedEntireMessage() ? absl::OkStatus() : Malformed();
}

absl::Status UploadFrameReader::ReadWords(std::span<std::uint8_t> out) {
  VEILSUM_CHECK(out.size() == size_);
  if (!input_.ReadRaw(out.data(), static_cast<int>(out.size()))) return Malformed();
  return input_.ReadTag() == 0 && input_.ConsumedEntireMessage() ? absl::OkStatus() : Malformed();
}

}  // namespace veilsum::secure_agg
