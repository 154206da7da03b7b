#include "secure_agg/wire/certificate_codec.h"

namespace veilsum::secure_agg {

namespace pb = secagg::v1;

absl::StatusOr<ActiveSet> ParseActiveSet(const pb::ActiveSet& wire, const WireLimits& limits) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("active set", wire));
  VEILSUM_ASSIGN_OR_RETURN(
      MemberSet members, MemberSet::Parse("members", limits.roster_size, AsBytes(wire.members())));
  return ActiveSet{std::move(members)};
}

pb::ActiveSet EncodeActiveSet(const ActiveSet& active) {
  pb::ActiveSet wire;
  wire.set_members(ToWire(active.members.bytes()));
  return wire;
}

absl::StatusOr<SetupSignature> ParseSetupSignature(const pb::SetupSignature& wire) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("setup signature", wire));
  VEILSUM_ASSIGN_OR_RETURN(const Ed25519Signature signature,
                           ParseBytes<64>("signature", wire.signature()));
  return SetupSignature{signature};
}

pb::SetupSignature EncodeSetupSignature(const SetupSignature& signature) {
  pb::SetupSignature wire;
  wire.set_signature(ToWire(signature.signature));
  return wire;
}

absl::StatusOr<Certificate> ParseCertificate(const pb::Certificate& wire,
                                             const WireLimits& limits) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("certificate", wire));
  if (static_cast<std::size_t>(wire.entries_size()) > limits.roster_size)
    return InvalidArgument("SA-37: entries has %d entries, must have at most %d",
                           wire.entries_size(), limits.roster_size);
  Certificate certificate;
  for (const pb::Certificate::Entry& entry : wire.entries()) {
    VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("certificate entry", entry));
    VEILSUM_ASSIGN_OR_RETURN(const RosterIndex signer,
                             ParseIndex("signer", entry.signer(), limits.roster_size));
    if (!certificate.entries.empty() && signer <= certificate.entries.back().signer)
      return InvalidArgument("SA-37: signer is %d, must be above %d", entry.signer(),
                             certificate.entries.back().signer.value());
    VEILSUM_ASSIGN_OR_RETURN(const Ed25519Signature signature,
                             ParseBytes<64>("signature", entry.signature()));
    certificate.entries.push_back({signer, signature});
  }
  return certificate;
}

pb::Certificate EncodeCertificate(const Certificate& certificate) {
  pb::Certificate wire;
  for (const CertificateEntry& entry : certificate.entries) {
    pb::Certificate::Entry* const out = wire.add_entries();
    out->set_signer(entry.signer.value());
    out->set_signature(ToWire(entry.signature));
  }
  return wire;
}

}  // namespace veilsum::secure_agg
