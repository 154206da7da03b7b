#include "secure_agg/wire/fields.h"

namespace veilsum::secure_agg {

absl::Status RefuseUnknownFields(std::string_view name, const google::protobuf::Message& message) {
  const int count = message.GetReflection()->GetUnknownFields(message).field_count();
  if (count != 0) return InvalidArgument("SA-37: %s has %d unknown fields", name, count);
  return absl::OkStatus();
}

absl::StatusOr<RosterIndex> ParseIndex(std::string_view field, std::uint64_t value,
                                       std::size_t bound) {
  if (value >= bound)
    return InvalidArgument("SA-37: %s is %d, must be below %d", field, value, bound);
  return RosterIndex(static_cast<std::uint16_t>(value));
}

absl::StatusOr<std::uint16_t> ParseU16(std::string_view field, std::uint64_t value) {
  if (value > 0xffff)
    return InvalidArgument("SA-37: %s is %d, must be at most 65535", field, value);
  return static_cast<std::uint16_t>(value);
}

absl::StatusOr<Bytes> ParseBounded(std::string_view field, std::string_view bytes,
                                   std::size_t limit) {
  if (bytes.size() > limit)
    return InvalidArgument("SA-37: %s has %d bytes, must have at most %d", field, bytes.size(),
                           limit);
  const ByteView view = AsBytes(bytes);
  return Bytes(view.begin(), view.end());
}

}  // namespace veilsum::secure_agg
