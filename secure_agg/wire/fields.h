// What all codecs share: bounded fields, and refusal of anything the schema does not name (SA-37).
// Only *_codec.cc files and this room's sources include generated headers.
#pragma once

#include <google/protobuf/message.h>

#include "base/bytes.h"
#include "base/strong_type.h"

namespace veilsum::secure_agg {

// Sizes that bound a message before anything is allocated; known to both sides once the roster is.
struct WireLimits {
  std::size_t roster_size = 0;  // n
  std::size_t slots = 0;        // B
};

// InvalidArgument naming the message when it carries fields outside the schema. Looks at this level
// only.
absl::Status RefuseUnknownFields(std::string_view name, const google::protobuf::Message& message);

// InvalidArgument naming `field` when value >= bound.
absl::StatusOr<RosterIndex> ParseIndex(std::string_view field, std::uint64_t value,
                                       std::size_t bound);
absl::StatusOr<std::uint16_t> ParseU16(std::string_view field, std::uint64_t value);

// Copies exactly N bytes. InvalidArgument naming `field` when the length is another.
template <std::size_t N>
absl::StatusOr<ByteArray<N>> ParseBytes(std::string_view field, std::string_view bytes) {
  if (bytes.size() != N)
    return InvalidArgument("SA-37: %s has %d bytes, must have %d", field, bytes.size(), N);
  return ParseFixed<N>(field, bytes);
}

// Copies at most `limit` bytes. InvalidArgument naming `field` beyond it.
absl::StatusOr<Bytes> ParseBounded(std::string_view field, std::string_view bytes,
                                   std::size_t limit);

inline std::string ToWire(ByteView bytes) { return std::string(AsText(bytes)); }

}  // namespace veilsum::secure_agg
