// Ed25519 signatures (RFC 8032, no prehash), by libsodium, whose verify refuses S >= L and small
// orders.
#pragma once

#include "base/bytes.h"
#include "base/secret.h"

namespace veilsum {

using Ed25519PublicKey = ByteArray<32>;
using Ed25519Signature = ByteArray<64>;

class Ed25519Signer {
 public:
  explicit Ed25519Signer(Secret<32> seed);  // the private key of RFC 8032, 32 bytes
  const Ed25519PublicKey& public_key() const { return public_key_; }
  Ed25519Signature Sign(ByteView message) const;

 private:
  Ed25519PublicKey public_key_;  // filled while expanded_ is made: keep this order
  Secret<64> expanded_;
};

bool Ed25519Verify(const Ed25519PublicKey& key, ByteView message,
                   const Ed25519Signature& signature);

}  // namespace veilsum
