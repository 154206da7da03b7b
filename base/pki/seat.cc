#include "base/pki/seat.h"

namespace veilsum {

absl::StatusOr<VerifiedSeat> VerifySeat(ByteView certificate_der, const Hash32& fingerprint,
                                        const Certificate& root, WallTime now) {
  VEILSUM_ASSIGN_OR_RETURN(const Certificate certificate, Certificate::FromDer(certificate_der));
  if (certificate.Fingerprint() != fingerprint)
    return Unauthenticated("SA-01: the fingerprint is not that of the certificate beside it");
  auto id = VerifyLeaf(certificate, root, now);
  if (!id.ok()) return Annotate(id.status(), "SA-01");
  if (id->role() != SpiffeRole::kClient)
    return Unauthenticated("SA-01: %s is no client and has no seat", id->ToString());
  VEILSUM_ASSIGN_OR_RETURN(const Ed25519PublicKey key, certificate.Ed25519Key());
  return VerifiedSeat{*std::move(id), key};
}

}  // namespace veilsum
