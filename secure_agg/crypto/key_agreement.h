// X25519 (RFC 7748) by libsodium. Outputs go through HKDF with a label before any use
// (transcripts.h).
#pragma once

#include "base/bytes.h"
#include "base/secret.h"

namespace veilsum::secure_agg {

using X25519PublicKey = ByteArray<32>;

X25519PublicKey X25519Public(std::span<const std::uint8_t, 32> private_key);

// The shared point. InvalidArgument when it is all zero: the peer's key has small order (SA-09).
absl::StatusOr<Secret<32>> X25519Agree(std::span<const std::uint8_t, 32> private_key,
                                       const X25519PublicKey& peer);

// True when the encoding is the one and only of its coordinate: below 2^255 - 19, so top bit clear
// (SA-06).
bool IsCanonicalX25519(const X25519PublicKey& key);

}  // namespace veilsum::secure_agg
