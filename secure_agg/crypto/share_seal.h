// Boxes for shares between members: ChaCha20-Poly1305-IETF (RFC 8439) by libsodium, nonce zero, one
// message a key.
#pragma once

#include "base/bytes.h"
#include "base/secret.h"
#include "secure_agg/crypto/locked_bytes.h"

namespace veilsum::secure_agg {

inline constexpr std::size_t kSealOverhead = 16;

// `key` must never seal a second message: keys are directional and bound to one roster (SA-08).
Bytes SealShares(const Secret<32>& key, std::span<const std::uint8_t> shares, ByteView context);

// Opens into `shares`, of exactly box.size() - 16 bytes. False, and `shares` zeroed, when the box
// is not authentic or has another length (SA-10).
bool OpenShares(const Secret<32>& key, ByteView box, ByteView context,
                std::span<std::uint8_t> shares);

}  // namespace veilsum::secure_agg
