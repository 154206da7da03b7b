#include "base/crypto/ed25519.h"

#include <sodium.h>

namespace veilsum {
namespace {

Secret<64> Expand(const Secret<32>& seed, Ed25519PublicKey& public_key) {
  ByteArray<64> expanded;
  crypto_sign_seed_keypair(public_key.data(), expanded.data(), seed.Expose().data());
  return Secret<64>(std::span<std::uint8_t, 64>(expanded));
}

}  // namespace

Ed25519Signer::Ed25519Signer(Secret<32> seed) : expanded_(Expand(seed, public_key_)) {}

Ed25519Signature Ed25519Signer::Sign(ByteView message) const {
  Ed25519Signature signature;
  crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(),
                       expanded_.Expose().data());
  return signature;
}

bool Ed25519Verify(const Ed25519PublicKey& key, ByteView message,
                   const Ed25519Signature& signature) {
  return crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                     key.data()) == 0;
}

}  // namespace veilsum
