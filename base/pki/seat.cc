#include "base/pki/seat.h"

#include "base/crypto/sha256.h"
#include "base/pki/certificate_chain.h"

namespace veilsum {

absl::StatusOr<VerifiedSeat> VerifySeat(ByteView certificate_der, const Hash32& fingerprint,
                                        const Certificate& root, WallTime now) {
  VEILSUM_ASSIGN_OR_RETURN(const CertificateChain chain,
                           CertificateChain::FromDer(certificate_der));
  if (Sha256(certificate_der) != fingerprint)
    return Unauthenticated("SA-01: the fingerprint is not that of the certificate beside it");
  auto id = VerifyChain(chain, root, now);
  if (!id.ok()) return Annotate(id.status(), "SA-01");
  if (id->role() != SpiffeRole::kClient)
    return Unauthenticated("SA-01: %s is no client and has no seat", id->ToString());
  VEILSUM_ASSIGN_OR_RETURN(const Ed25519PublicKey key, chain.leaf().Ed25519Key());
  return VerifiedSeat{*std::move(id), key};
}

}  // namespace veilsum
