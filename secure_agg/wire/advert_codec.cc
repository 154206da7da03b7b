#include "secure_agg/wire/advert_codec.h"

#include "secure_agg/wire/fields.h"

namespace veilsum::secure_agg {
namespace {

namespace pb = secagg::v1;

absl::StatusOr<std::vector<ByteArray<32>>> ParseList(
    std::string_view field, std::size_t count,
    const google::protobuf::RepeatedPtrField<std::string>& wire) {
  if (static_cast<std::size_t>(wire.size()) != count)
    return InvalidArgument("SA-37: %s has %d entries, must have %d", field, wire.size(), count);
  std::vector<ByteArray<32>> out;
  out.reserve(count);
  for (const std::string& entry : wire) {
    VEILSUM_ASSIGN_OR_RETURN(const ByteArray<32> bytes, ParseBytes<32>(field, entry));
    out.push_back(bytes);
  }
  return out;
}

}  // namespace

absl::StatusOr<BatchOffer> ParseBatchOffer(const pb::BatchOffer& wire) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("batch offer", wire));
  BatchOffer offer;
  VEILSUM_ASSIGN_OR_RETURN(offer.session, ParseBytes<16>("session", wire.session()));
  offer.batch = wire.batch();
  if (wire.slots() < 1 || wire.slots() > kMaxSlots)
    return InvalidArgument("SA-37: slots is %d, must be 1 to %d", wire.slots(), kMaxSlots);
  offer.slots = static_cast<std::uint16_t>(wire.slots());
  VEILSUM_ASSIGN_OR_RETURN(offer.contract_hash,
                           ParseBytes<32>("contract_hash", wire.contract_hash()));
  return offer;
}

pb::BatchOffer EncodeBatchOffer(const BatchOffer& offer) {
  pb::BatchOffer wire;
  wire.set_session(ToWire(offer.session));
  wire.set_batch(offer.batch);
  wire.set_slots(offer.slots);
  wire.set_contract_hash(ToWire(offer.contract_hash));
  return wire;
}

absl::StatusOr<Advert> ParseAdvert(const pb::Advert& wire, std::size_t slots) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("advert", wire));
  Advert advert;
  VEILSUM_ASSIGN_OR_RETURN(advert.session, ParseBytes<16>("session", wire.session()));
  advert.batch = wire.batch();
  VEILSUM_ASSIGN_OR_RETURN(advert.contract_hash,
                           ParseBytes<32>("contract_hash", wire.contract_hash()));
  VEILSUM_ASSIGN_OR_RETURN(advert.member_id, ParseBytes<32>("member_id", wire.member_id()));
  VEILSUM_ASSIGN_OR_RETURN(
      advert.certificate_fingerprint,
      ParseBytes<32>("certificate_fingerprint", wire.certificate_fingerprint()));
  VEILSUM_ASSIGN_OR_RETURN(advert.channel_key, ParseBytes<32>("channel_key", wire.channel_key()));
  VEILSUM_ASSIGN_OR_RETURN(advert.mask_keys, ParseList("mask_keys", slots, wire.mask_keys()));
  VEILSUM_ASSIGN_OR_RETURN(advert.self_commitments,
                           ParseList("self_commitments", slots, wire.self_commitments()));
  VEILSUM_ASSIGN_OR_RETURN(advert.signature, ParseBytes<64>("signature", wire.signature()));
  if (wire.certificate().empty()) return InvalidArgument("SA-37: certificate is empty");
  VEILSUM_ASSIGN_OR_RETURN(advert.certificate,
                           ParseBounded("certificate", wire.certificate(), kMaxCertificateBytes));
  return advert;
}

pb::Advert EncodeAdvert(const Advert& advert) {
  pb::Advert wire;
  wire.set_session(ToWire(advert.session));
  wire.set_batch(advert.batch);
  wire.set_contract_hash(ToWire(advert.contract_hash));
  wire.set_member_id(ToWire(advert.member_id));
  wire.set_certificate_fingerprint(ToWire(advert.certificate_fingerprint));
  wire.set_channel_key(ToWire(advert.channel_key));
  for (const X25519PublicKey& key : advert.mask_keys) wire.add_mask_keys(ToWire(key));
  for (const Hash32& commitment : advert.self_commitments)
    wire.add_self_commitments(ToWire(commitment));
  wire.set_signature(ToWire(advert.signature));
  wire.set_certificate(ToWire(advert.certificate));
  return wire;
}

absl::StatusOr<UnverifiedRoster> ParseRoster(const pb::Roster& wire, std::size_t max_members,
                                             std::size_t slots) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("roster", wire));
  const std::size_t limit = std::min(max_members, kMaxMembers);
  if (static_cast<std::size_t>(wire.adverts_size()) > limit)
    return InvalidArgument("SA-37: adverts has %d entries, must have at most %d",
                           wire.adverts_size(), limit);
  UnverifiedRoster roster;
  VEILSUM_ASSIGN_OR_RETURN(roster.session, ParseBytes<16>("session", wire.session()));
  roster.batch = wire.batch();
  VEILSUM_ASSIGN_OR_RETURN(roster.colluders, ParseU16("colluders", wire.colluders()));
  for (const pb::Advert& entry : wire.adverts()) {
    VEILSUM_ASSIGN_OR_RETURN(Advert advert, ParseAdvert(entry, slots));
    roster.adverts.push_back(std::move(advert));
  }
  return roster;
}

pb::Roster EncodeRoster(const UnverifiedRoster& roster) {
  pb::Roster wire;
  wire.set_session(ToWire(roster.session));
  wire.set_batch(roster.batch);
  wire.set_colluders(roster.colluders);
  for (const Advert& advert : roster.adverts) *wire.add_adverts() = EncodeAdvert(advert);
  return wire;
}

}  // namespace veilsum::secure_agg
