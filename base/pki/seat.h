// Who signed: a signing certificate checked against the pinned root (SA-01). Both sides of the
// protocol use it.
#pragma once

#include "base/pki/certificate.h"

namespace veilsum {

struct VerifiedSeat {
  SpiffeId id;  // role client
  Ed25519PublicKey key;
};

// The certificate is a leaf, or a leaf and its issuer (certificate_chain.h); the fingerprint is of
// all its bytes. Unauthenticated: the fingerprint is not the certificate's, it does not verify
// under `root` at `now`, or the role is not client. InvalidArgument: malformed, over 4096 bytes, or
// not an Ed25519 key.
absl::StatusOr<VerifiedSeat> VerifySeat(ByteView certificate_der, const Hash32& fingerprint,
                                        const Certificate& root, WallTime now);

}  // namespace veilsum
