// HKDF-SHA256 (RFC 5869), by OpenSSL. One label (the start of `info`) per use.
#pragma once

#include "base/bytes.h"
#include "base/secret.h"

namespace veilsum {

// 32 bytes of key from `ikm`. Info is bound as given: build it with Transcript, whose label names
// the use. An empty salt is that of RFC 5869: 32 zero bytes.
Secret<32> Hkdf(std::span<const std::uint8_t> ikm, ByteView salt, ByteView info);

}  // namespace veilsum
