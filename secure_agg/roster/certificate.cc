#include "secure_agg/roster/certificate.h"

namespace veilsum::secure_agg {

absl::Status VerifyCertificate(std::string_view check, const VerifiedRoster& roster,
                               const MemberSet& electorate, ByteView statement,
                               const Certificate& certificate) {
  const Thresholds& thresholds = roster.thresholds();
  if (certificate.entries.size() < thresholds.quorum || certificate.entries.size() > thresholds.n)
    return InvalidArgument("%s: the certificate has %d signatures, must have %d to %d", check,
                           certificate.entries.size(), thresholds.quorum, thresholds.n);
  for (std::size_t i = 0; i < certificate.entries.size(); ++i) {
    const CertificateEntry& entry = certificate.entries[i];
    if (i > 0 && entry.signer <= certificate.entries[i - 1].signer)
      return InvalidArgument("%s: signer %d is not above the one before", check,
                             entry.signer.value());
    if (!electorate.Contains(entry.signer))
      return InvalidArgument("%s: signer %d is not in the active set", check, entry.signer.value());
    if (!Ed25519Verify(roster.signing_key(entry.signer), statement, entry.signature))
      return Unauthenticated("%s: the signature of signer %d is not valid", check,
                             entry.signer.value());
  }
  return absl::OkStatus();
}

absl::Status SignatureCollection::Add(RosterIndex signer, const Ed25519Signature& signature) {
  if (!electorate_.Contains(signer))
    return PermissionDenied("signer %d is not in the active set", signer.value());
  if (signed_.Contains(signer)) return absl::OkStatus();
  if (!Ed25519Verify(roster_->signing_key(signer), statement_, signature))
    return Unauthenticated("the signature of signer %d is not over this statement", signer.value());
  signed_.Insert(signer);
  signatures_[signer.value()] = signature;
  return absl::OkStatus();
}

Certificate SignatureCollection::ToCertificate() const {
  Certificate certificate;
  for (const RosterIndex signer : signed_.Indices()) {
    if (certificate.entries.size() == roster_->thresholds().quorum)
      break;  // each one more costs every client a check
    certificate.entries.push_back({signer, signatures_[signer.value()]});
  }
  return certificate;
}

}  // namespace veilsum::secure_agg
