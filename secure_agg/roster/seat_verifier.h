// What the protocol needs of the PKI: whose signing certificate is this?
#pragma once

#include <memory>
#include <string>

#include "base/crypto/ed25519.h"

namespace veilsum::secure_agg {

struct SeatIdentity {
  std::string uri;       // the SPIFFE URI of the subject alternative name
  Ed25519PublicKey key;  // the certified signing key
};

class SeatVerifier {
 public:
  virtual ~SeatVerifier() = default;
  // The seat and key of a signing certificate that chains to the contract's CA, is valid now and is
  // not revoked (SA-01). `fingerprint` is SHA-256 of `der`, already compared by the caller:
  // implementations may use it as a cache key. Unauthenticated, with the reason, otherwise.
  virtual absl::StatusOr<SeatIdentity> Verify(ByteView der, const Hash32& fingerprint) const = 0;
};

// What a member signs with.
struct SigningIdentity {
  std::string uri;
  std::shared_ptr<const Ed25519Signer> signer;
  Bytes certificate;  // DER of the signing certificate of signer's key
};

}  // namespace veilsum::secure_agg
