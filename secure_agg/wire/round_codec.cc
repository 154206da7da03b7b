#include "secure_agg/wire/round_codec.h"

#include "secure_agg/wire/certificate_codec.h"

namespace veilsum::secure_agg {
namespace {

namespace pb = secagg::v1;

absl::StatusOr<RoundId> ParseRound(std::uint64_t round) {
  if (round == 0) return InvalidArgument("SA-37: round is 0, must be at least 1");
  return RoundId(round);
}

}  // namespace

absl::StatusOr<RoundStart> ParseRoundStart(const pb::RoundStart& wire, const WireLimits& limits) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("round start", wire));
  RoundStart start;
  VEILSUM_ASSIGN_OR_RETURN(start.setup_hash, ParseBytes<32>("setup_hash", wire.setup_hash()));
  if (wire.slot() >= limits.slots)
    return InvalidArgument("SA-37: slot is %d, must be below %d", wire.slot(), limits.slots);
  start.slot = static_cast<std::uint16_t>(wire.slot());
  VEILSUM_ASSIGN_OR_RETURN(start.round, ParseRound(wire.round()));
  VEILSUM_ASSIGN_OR_RETURN(start.model_hash, ParseBytes<32>("model_hash", wire.model_hash()));
  if (wire.sum() >= kMaxSums)
    return InvalidArgument("SA-37: sum is %d, must be below %d", wire.sum(), kMaxSums);
  start.sum = static_cast<std::uint16_t>(wire.sum());
  start.step = wire.step();
  VEILSUM_ASSIGN_OR_RETURN(start.step_config,
                           ParseBounded("step_config", wire.step_config(), kMaxStepConfigBytes));
  return start;
}

pb::RoundStart EncodeRoundStart(const RoundStart& start) {
  pb::RoundStart wire;
  wire.set_setup_hash(ToWire(start.setup_hash));
  wire.set_slot(start.slot);
  wire.set_round(start.round.value());
  wire.set_model_hash(ToWire(start.model_hash));
  wire.set_sum(start.sum);
  wire.set_step(start.step);
  wire.set_step_config(ToWire(start.step_config));
  return wire;
}

absl::StatusOr<CommitRequest> ParseCommitRequest(const pb::CommitRequest& wire,
                                                 const WireLimits& limits) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("commit request", wire));
  VEILSUM_ASSIGN_OR_RETURN(const RoundId round, ParseRound(wire.round()));
  VEILSUM_ASSIGN_OR_RETURN(
      MemberSet members, MemberSet::Parse("members", limits.roster_size, AsBytes(wire.members())));
  return CommitRequest{round, std::move(members)};
}

pb::CommitRequest EncodeCommitRequest(const CommitRequest& request) {
  pb::CommitRequest wire;
  wire.set_round(request.round.value());
  wire.set_members(ToWire(request.members.bytes()));
  return wire;
}

absl::StatusOr<CommitSignature> ParseCommitSignature(const pb::CommitSignature& wire) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("commit signature", wire));
  VEILSUM_ASSIGN_OR_RETURN(const RoundId round, ParseRound(wire.round()));
  VEILSUM_ASSIGN_OR_RETURN(const Ed25519Signature signature,
                           ParseBytes<64>("signature", wire.signature()));
  return CommitSignature{round, signature};
}

pb::CommitSignature EncodeCommitSignature(const CommitSignature& signature) {
  pb::CommitSignature wire;
  wire.set_round(signature.round.value());
  wire.set_signature(ToWire(signature.signature));
  return wire;
}

absl::StatusOr<CommitCertificate> ParseCommitCertificate(const pb::CommitCertificate& wire,
                                                         const WireLimits& limits) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("commit certificate", wire));
  VEILSUM_ASSIGN_OR_RETURN(const RoundId round, ParseRound(wire.round()));
  VEILSUM_ASSIGN_OR_RETURN(
      MemberSet members, MemberSet::Parse("members", limits.roster_size, AsBytes(wire.members())));
  VEILSUM_ASSIGN_OR_RETURN(Certificate certificate, ParseCertificate(wire.certificate(), limits));
  return CommitCertificate{round, std::move(members), std::move(certificate)};
}

pb::CommitCertificate EncodeCommitCertificate(const CommitCertificate& certificate) {
  pb::CommitCertificate wire;
  wire.set_round(certificate.round.value());
  wire.set_members(ToWire(certificate.members.bytes()));
  *wire.mutable_certificate() = EncodeCertificate(certificate.certificate);
  return wire;
}

absl::StatusOr<Reveal> ParseReveal(const pb::Reveal& wire, const WireLimits& limits) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("reveal", wire));
  VEILSUM_ASSIGN_OR_RETURN(const RoundId round, ParseRound(wire.round()));
  VEILSUM_ASSIGN_OR_RETURN(MemberSet held,
                           MemberSet::Parse("held", limits.roster_size, AsBytes(wire.held())));
  if (static_cast<std::size_t>(wire.shares_size()) != held.size())
    return InvalidArgument("SA-37: shares has %d entries, must have %d", wire.shares_size(),
                           held.size());
  Reveal reveal{round, std::move(held), {}};
  for (const std::string& entry : wire.shares()) {
    VEILSUM_ASSIGN_OR_RETURN(const ByteArray<32> share, ParseBytes<32>("shares", entry));
    reveal.shares.push_back(share);
  }
  return reveal;
}

pb::Reveal EncodeReveal(const Reveal& reveal) {
  pb::Reveal wire;
  wire.set_round(reveal.round.value());
  wire.set_held(ToWire(reveal.held.bytes()));
  for (const ByteArray<32>& share : reveal.shares) wire.add_shares(ToWire(share));
  return wire;
}

absl::StatusOr<RoundId> ParseRoundClosed(const pb::RoundClosed& wire) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("round closed", wire));
  return ParseRound(wire.round());
}

pb::RoundClosed EncodeRoundClosed(RoundId round) {
  pb::RoundClosed wire;
  wire.set_round(round.value());
  return wire;
}

}  // namespace veilsum::secure_agg
