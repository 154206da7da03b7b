// SHA-256 (FIPS 180-4), by OpenSSL, which uses the CPU's SHA instructions.
#pragma once

#include "base/bytes.h"

namespace veilsum {

Hash32 Sha256(ByteView bytes);
inline Hash32 Sha256(std::string_view text) { return Sha256(AsBytes(text)); }

}  // namespace veilsum
