// Base64 of RFC 4648 section 4, with padding: what signed notes, DSSE and PEM are written in.
#pragma once

#include "base/bytes.h"

namespace veilsum {

std::string Base64Encode(ByteView bytes);
// InvalidArgument: a character, length or padding that Base64Encode would not have written.
absl::StatusOr<Bytes> Base64Decode(std::string_view text);

}  // namespace veilsum
