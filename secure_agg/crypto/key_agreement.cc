#include "secure_agg/crypto/key_agreement.h"

#include <sodium.h>

#include <algorithm>

#include "base/status.h"

namespace veilsum::secure_agg {

X25519PublicKey X25519Public(std::span<const std::uint8_t, 32> private_key) {
  X25519PublicKey out;
  crypto_scalarmult_base(out.data(), private_key.data());
  return out;
}

absl::StatusOr<Secret<32>> X25519Agree(std::span<const std::uint8_t, 32> private_key,
                                       const X25519PublicKey& peer) {
  ByteArray<32> shared;
  const int result = crypto_scalarmult(shared.data(), private_key.data(), peer.data());
  Secret<32> secret{std::span<std::uint8_t, 32>(shared)};
  if (result != 0)
    return InvalidArgument("SA-09: the agreed point is zero, the peer's key has small order");
  return secret;
}

bool IsCanonicalX25519(const X25519PublicKey& key) {
  constexpr X25519PublicKey kPrime = {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0x7f};  // 2^255 - 19
  return std::lexicographical_compare(key.rbegin(), key.rend(), kPrime.rbegin(), kPrime.rend());
}

}  // namespace veilsum::secure_agg
