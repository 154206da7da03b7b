#include "secure_agg/crypto/share_seal.h"

#include <sodium.h>

namespace veilsum::secure_agg {
namespace {

static_assert(kSealOverhead == crypto_aead_chacha20poly1305_IETF_ABYTES);
constexpr std::uint8_t kNonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES] = {};

}  // namespace

Bytes SealShares(const Secret<32>& key, std::span<const std::uint8_t> shares, ByteView context) {
  Bytes box(shares.size() + kSealOverhead);
  crypto_aead_chacha20poly1305_ietf_encrypt(box.data(), nullptr, shares.data(), shares.size(),
                                            context.data(), context.size(), nullptr, kNonce,
                                            key.Expose().data());
  return box;
}

bool OpenShares(const Secret<32>& key, ByteView box, ByteView context,
                std::span<std::uint8_t> shares) {
  const bool opened = box.size() == shares.size() + kSealOverhead &&
                      crypto_aead_chacha20poly1305_ietf_decrypt(
                          shares.data(), nullptr, nullptr, box.data(), box.size(), context.data(),
                          context.size(), kNonce, key.Expose().data()) == 0;
  if (!opened) sodium_memzero(shares.data(), shares.size());
  return opened;
}

}  // namespace veilsum::secure_agg
