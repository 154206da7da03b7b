// BatchOffer, Advert and Roster: good messages, and every field spoiled (SA-37).
#include "secure_agg/wire/advert_codec.h"

#include "tests/unit/secure_agg/wire/codec_fixture.h"

namespace veilsum::secure_agg {
namespace {

pb::BatchOffer GoodOffer() {
  pb::BatchOffer wire;
  wire.set_session(std::string(16, 's'));
  wire.set_batch(7);
  wire.set_slots(2);
  wire.set_contract_hash(std::string(32, 'c'));
  return wire;
}

pb::Advert GoodAdvert() {
  pb::Advert wire;
  wire.set_member_id(std::string(32, 'm'));
  wire.set_certificate_fingerprint(std::string(32, 'f'));
  wire.set_channel_key(std::string(32, 'k'));
  for (const char slot : {'0', '1'}) {
    wire.add_mask_keys(std::string(32, slot));
    wire.add_self_commitments(std::string(32, slot));
  }
  wire.set_signature(std::string(64, 'x'));
  wire.set_certificate("der");
  wire.set_session(std::string(16, 's'));
  wire.set_batch(7);
  wire.set_contract_hash(std::string(32, 'c'));
  return wire;
}

pb::Roster GoodRoster() {
  pb::Roster wire;
  wire.set_session(std::string(16, 's'));
  wire.set_batch(7);
  for (int i = 0; i < 3; ++i) *wire.add_adverts() = GoodAdvert();
  wire.set_colluders(1);
  return wire;
}

TEST(BatchOfferCodec, RefusesEverySpoiledField) {
  CheckCodec<pb::BatchOffer>(
      GoodOffer(), [](const auto& wire) { return ParseBatchOffer(wire); }, &EncodeBatchOffer,
      {{"SessionShort", [](pb::BatchOffer& w) { w.mutable_session()->pop_back(); }, "session"},
       {"SessionLong", [](pb::BatchOffer& w) { w.mutable_session()->push_back('x'); }, "session"},
       {"NoSlots", [](pb::BatchOffer& w) { w.set_slots(0); }, "slots"},
       {"ManySlots", [](pb::BatchOffer& w) { w.set_slots(65); }, "slots"},
       {"SlotsBeyond16Bits", [](pb::BatchOffer& w) { w.set_slots(65536 + 2); }, "slots"},
       {"HashShort", [](pb::BatchOffer& w) { w.mutable_contract_hash()->pop_back(); },
        "contract_hash"}});
}

TEST(AdvertCodec, RefusesEverySpoiledField) {
  CheckCodec<pb::Advert>(
      GoodAdvert(), [](const auto& wire) { return ParseAdvert(wire, 2); }, &EncodeAdvert,
      {{"SessionShort", [](pb::Advert& w) { w.mutable_session()->pop_back(); }, "session"},
       {"HashLong", [](pb::Advert& w) { w.mutable_contract_hash()->push_back('x'); },
        "contract_hash"},
       {"MemberShort", [](pb::Advert& w) { w.mutable_member_id()->pop_back(); }, "member_id"},
       {"FingerprintLong",
        [](pb::Advert& w) { w.mutable_certificate_fingerprint()->push_back('x'); }, "fingerprint"},
       {"ChannelKeyShort", [](pb::Advert& w) { w.mutable_channel_key()->pop_back(); },
        "channel_key"},
       {"OneMaskKeyMore", [](pb::Advert& w) { w.add_mask_keys(std::string(32, '3')); },
        "mask_keys"},
       {"MaskKeyShort", [](pb::Advert& w) { w.mutable_mask_keys(1)->pop_back(); }, "mask_keys"},
       {"NoCommitments", [](pb::Advert& w) { w.clear_self_commitments(); }, "self_commitments"},
       {"CommitmentLong", [](pb::Advert& w) { w.mutable_self_commitments(0)->push_back('x'); },
        "self_commitments"},
       {"SignatureShort", [](pb::Advert& w) { w.mutable_signature()->pop_back(); }, "signature"},
       {"NoCertificate", [](pb::Advert& w) { w.clear_certificate(); }, "certificate is empty"},
       {"CertificateHuge", [](pb::Advert& w) { w.set_certificate(std::string(4097, 'x')); },
        "certificate"}});
}

TEST(RosterCodec, RefusesEverySpoiledField) {
  CheckCodec<pb::Roster>(
      GoodRoster(), [](const auto& wire) { return ParseRoster(wire, 3, 2); }, &EncodeRoster,
      {{"SessionShort", [](pb::Roster& w) { w.mutable_session()->pop_back(); }, "session"},
       {"OneAdvertMore", [](pb::Roster& w) { *w.add_adverts() = GoodAdvert(); }, "adverts"},
       {"ColludersBeyond16Bits", [](pb::Roster& w) { w.set_colluders(65537); }, "colluders"},
       {"AdvertSpoiled",
        [](pb::Roster& w) { w.mutable_adverts(2)->mutable_signature()->pop_back(); }, "signature"},
       {"AdvertWithMore", [](pb::Roster& w) { AddUnknownField(*w.mutable_adverts(1)); }, "SA-37"}});
}

}  // namespace
}  // namespace veilsum::secure_agg
