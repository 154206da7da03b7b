// A coordinator that lies while a batch is set up, on the wire, to a real client: SA-01 to SA-13,
// SA-33, SA-37, SA-42 and SA-43. Member 0 is the victim; the others may be accomplices.
#include "base/crypto/sha256.h"
#include "secure_agg/client/setup.h"
#include "secure_agg/transcripts.h"
#include "tests/attack/wire_world.h"

namespace veilsum::attack {
namespace {

using absl::StatusCode;
using secure_agg::FederationOptions;

class LyingRoster : public testing::Test {
 protected:
  LyingRoster() {
    world_.Advertise();
    roster_ = world_.HonestRoster();
  }
  SecureSum& victim() { return world_.client(0); }
  pb::Advert& advert(int i) { return *roster_.mutable_adverts(i); }
  void ExpectRefusal(std::string_view check, StatusCode code = StatusCode::kInvalidArgument) {
    ExpectRefused(victim(), victim().OnRoster(Relay(roster_)), code, check);
    // Rule 21: the batch is dropped; the honest roster comes too late.
    ExpectRefused(victim(), victim().OnRoster(Relay(world_.HonestRoster())),
                  StatusCode::kFailedPrecondition, "SA-07");
    EXPECT_EQ(victim().refusals().total(), 2u);
    EXPECT_FALSE(victim().alarmed());
  }
  WireWorld world_{{.members = 5}};
  pb::Roster roster_;
};

TEST_F(LyingRoster, TheHonestOneIsAccepted) {
  EXPECT_OK(victim().OnRoster(Relay(roster_)));
  EXPECT_EQ(victim().refusals().total(), 0u);
}
TEST_F(LyingRoster, SA01_ASybilOutsideTheContract) {
  WireWorld more({.members = 6, .seed = 6});
  more.Advertise();
  for (const pb::Advert& candidate : more.adverts) {
    ByteArray<32> id;
    std::ranges::copy(AsBytes(candidate.member_id()), id.begin());
    if (world_.federation().params()->FindSeat(id) == nullptr) *roster_.add_adverts() = candidate;
  }
  ASSERT_EQ(roster_.adverts_size(), 6);
  // More adverts than the contract has seats do not even get parsed; in place of a member they are
  // refused one by one.
  ExpectRefusal("SA-37");
  WireWorld again({.members = 5});
  again.Advertise();
  pb::Roster replaced = again.HonestRoster();
  *replaced.mutable_adverts(4) = roster_.adverts(5);
  ExpectRefused(again.client(0), again.client(0).OnRoster(Relay(replaced)),
                StatusCode::kInvalidArgument, "SA-01");
}
TEST_F(LyingRoster, SA01_ACertificateOfAnotherAuthority) {
  advert(1).mutable_certificate()->at(0) ^= 1;
  advert(1).set_certificate_fingerprint(Text(Sha256(AsBytes(advert(1).certificate()))));
  ExpectRefusal("SA-01", StatusCode::kUnauthenticated);
}
TEST_F(LyingRoster, SA01_AMerchantPosesAsAnother) {
  advert(1).set_certificate(advert(2).certificate());
  advert(1).set_certificate_fingerprint(advert(2).certificate_fingerprint());
  ExpectRefusal("SA-01");
}
TEST_F(LyingRoster, SA02_ColludersOfTheServersChoice) {
  roster_.set_colluders(0);
  ExpectRefusal("SA-02");
}
TEST_F(LyingRoster, SA03_ARosterBelowTheMinimum) {
  while (roster_.adverts_size() > 2) roster_.mutable_adverts()->RemoveLast();
  ExpectRefusal("SA-03");
}
TEST_F(LyingRoster, SA04_AKeyOfTheServersChoice) {
  advert(1).mutable_channel_key()->at(3) ^= 1;
  ExpectRefusal("SA-04", StatusCode::kUnauthenticated);
}
TEST_F(LyingRoster, SA04_AnAdvertReplayedFromAnotherBatch) {
  WireWorld older({.members = 5});
  older.Advertise(7);
  advert(3) = older.adverts[3];
  ExpectRefusal("SA-04");
}
TEST_F(LyingRoster, SA04_TheWholeRosterOfAnotherBatch) {
  roster_.set_batch(2);
  ExpectRefusal("SA-04");
}
TEST_F(LyingRoster, SA05_AnOlderAdvertOfTheVictim) {
  world_.Restart(0);
  const auto newer = victim().OnOffer(Relay(world_.OfferOf(1)));
  ASSERT_OK(newer);
  ExpectRefused(victim(), victim().OnRoster(Relay(roster_)), StatusCode::kInvalidArgument, "SA-05");
}
TEST_F(LyingRoster, SA05_TheVictimLeftOut) {
  roster_.mutable_adverts()->DeleteSubrange(0, 1);
  ExpectRefusal("SA-05");
}
TEST_F(LyingRoster, SA06_OneSeatCountedTwice) {
  *roster_.add_adverts() = advert(4);
  roster_.mutable_adverts()->DeleteSubrange(3, 1);
  ExpectRefusal("SA-06");
}
TEST_F(LyingRoster, SA06_AnAccompliceRepeatsTheVictimsMaskKey) {
  advert(1).set_mask_keys(0, advert(0).mask_keys(0));
  world_.ResignAdvert(roster_, 1);
  ExpectRefusal("SA-06");
}
TEST_F(LyingRoster, SA06_AnAccompliceRepeatsACommitment) {
  advert(1).set_self_commitments(1, advert(0).self_commitments(0));
  world_.ResignAdvert(roster_, 1);
  ExpectRefusal("SA-06");
}
TEST_F(LyingRoster, SA06_AnotherEncodingOfTheSameKey) {
  advert(1).mutable_channel_key()->at(31) |= static_cast<char>(0x80);
  world_.ResignAdvert(roster_, 1);
  ExpectRefusal("SA-06");
}
TEST_F(LyingRoster, SA07_OneAdvertServesOneRoster) {
  EXPECT_OK(victim().OnRoster(Relay(roster_)));
  roster_.mutable_adverts()->RemoveLast();
  ExpectRefused(victim(), victim().OnRoster(Relay(roster_)), StatusCode::kFailedPrecondition,
                "SA-07");
}
// The same below the driver that holds one phase at a time: two rosters of the same advert.
TEST_F(LyingRoster, SA07_AnAdvertsKeysAreDealtUnderOneRosterOnly) {
  secure_agg::Federation federation({.members = 5});
  secure_agg::Stages stages(federation);
  stages.Advertise();
  secure_agg::UnverifiedRoster smaller = stages.HonestRoster();
  smaller.adverts.pop_back();
  const auto deal = [&](const secure_agg::UnverifiedRoster& claim) {
    return std::move(stages.advertised[0]).OnRoster(claim, federation.verifier(), federation.rng());
  };
  EXPECT_OK(deal(stages.HonestRoster()));
  EXPECT_THAT(deal(smaller), StatusIs(StatusCode::kFailedPrecondition, "SA-07"));
}
TEST_F(LyingRoster, SA09_AKeyOfSmallOrder) {
  advert(1).set_channel_key(std::string(32, '\0'));
  world_.ResignAdvert(roster_, 1);
  ExpectRefusal("SA-09");
}
TEST_F(LyingRoster, SA37_FieldsThatTheSchemaLacks) {
  roster_.GetReflection()->MutableUnknownFields(&roster_)->AddVarint(99, 1);
  ExpectRefusal("SA-37");
}

TEST(LyingOffer, SA02_OfAnotherContractOrWithOtherSlots) {
  WireWorld world;
  pb::BatchOffer offer = world.OfferOf(1);
  offer.set_slots(5);
  ExpectRefused(world.client(0), world.client(0).OnOffer(offer), StatusCode::kInvalidArgument,
                "SA-02");
  offer = world.OfferOf(1);
  offer.mutable_contract_hash()->at(0) ^= 1;
  ExpectRefused(world.client(0), world.client(0).OnOffer(offer), StatusCode::kInvalidArgument,
                "SA-02");
  EXPECT_EQ(world.client(0).refusals().of("SA-02"), 2u);
}
TEST(LyingOffer, SA07_KeysAreFreshForEveryAdvert) {
  WireWorld world;
  world.Advertise(1);
  const pb::Advert first = world.adverts[0];
  world.Advertise(2);
  EXPECT_NE(first.channel_key(), world.adverts[0].channel_key());
  EXPECT_NE(first.mask_keys(0), world.adverts[0].mask_keys(0));
  EXPECT_NE(first.mask_keys(0), first.mask_keys(1));
  EXPECT_NE(first.self_commitments(0), world.adverts[0].self_commitments(0));
}
TEST(LyingOffer, SA33_ARepeatIsRefusedAndDropsNothing) {
  WireWorld world;
  world.Advertise(3);
  for (const std::uint32_t batch : {3u, 2u})
    ExpectRefused(world.client(0), world.client(0).OnOffer(world.OfferOf(batch)),
                  StatusCode::kInvalidArgument, "SA-33");
  EXPECT_OK(world.client(0).OnRoster(Relay(world.HonestRoster())));
}
TEST(LyingOffer, SA33_ASessionLeftBehindIsNotEnteredAgain) {
  WireWorld world;
  world.Advertise(1);
  pb::BatchOffer restarted = world.OfferOf(1);
  restarted.set_session(std::string(16, 'z'));
  EXPECT_OK(world.client(0).OnOffer(restarted));
  ExpectRefused(world.client(0), world.client(0).OnOffer(world.OfferOf(2)),
                StatusCode::kInvalidArgument, "SA-33");
}
// SA-02: the quorum follows the contract's C, not the roster. With n = 6 and C = 2, q is 5; a C
// derived from n (one fifth) would make it 4.
TEST(LyingOffer, SA02_TheQuorumComesFromTheContractsColluders) {
  WireWorld world({.members = 6, .colluders = 2});
  world.Advertise();
  world.Deal();
  world.Report();
  world.Sign();
  pb::Certificate four = world.SetupCertificate();
  four.mutable_entries()->DeleteSubrange(0, 2);
  ExpectRefused(world.client(0), world.client(0).OnSetupCertificate(four),
                StatusCode::kInvalidArgument, "SA-13");
  pb::Certificate five = world.SetupCertificate();
  five.mutable_entries()->DeleteSubrange(0, 1);
  EXPECT_OK(world.client(1).OnSetupCertificate(five));
}

class LyingShares : public testing::Test {
 protected:
  LyingShares() {
    world_.Advertise();
    world_.Deal();
    delivery_ = world_.DeliveryFor(0);
  }
  SecureSum& victim() { return world_.client(0); }
  pb::DeliveredBox& box(int i) { return *delivery_.mutable_boxes(i); }
  std::string Held() {
    const auto reply = victim().OnDelivery(Relay(delivery_));
    EXPECT_OK(reply);
    return reply.ok() ? reply->report().held() : "";
  }
  static std::string Bits(std::initializer_list<std::size_t> members) {
    return Text(SetOf(5, members).bytes());
  }
  WireWorld world_{{.members = 5}};
  pb::ShareDelivery delivery_;
};

TEST_F(LyingShares, SA10_AChangedBoxIsNotHeld) {
  box(0).mutable_box()->at(7) ^= 1;
  EXPECT_EQ(Held(), Bits({0, 2, 3, 4}));
}
TEST_F(LyingShares, SA10_AReflectedBoxIsNotHeld) {
  box(0).set_box(world_.shares[0].boxes(0).box());
  EXPECT_EQ(Held(), Bits({0, 2, 3, 4}));
}
TEST_F(LyingShares, SA10_ABoxForSomebodyElseIsNotHeld) {
  box(0).set_box(world_.shares[1].boxes(1).box());
  EXPECT_EQ(Held(), Bits({0, 2, 3, 4}));
}
TEST_F(LyingShares, SA10_ABoxOfAnotherBatchIsNotHeld) {
  WireWorld other({.members = 5, .seed = 9});
  other.Advertise();
  other.Deal();
  box(0).set_box(other.shares[1].boxes(0).box());
  EXPECT_EQ(Held(), Bits({0, 2, 3, 4}));
}
TEST_F(LyingShares, SA37_DealersOutOfOrderOrBoxesOfAnotherLength) {
  std::swap(box(0), box(1));
  ExpectRefused(victim(), victim().OnDelivery(Relay(delivery_)), StatusCode::kInvalidArgument,
                "SA-37");
  pb::ShareDelivery second = world_.DeliveryFor(1);
  second.mutable_boxes(0)->mutable_box()->pop_back();
  ExpectRefused(world_.client(1), world_.client(1).OnDelivery(Relay(second)),
                StatusCode::kInvalidArgument, "SA-37");
}
TEST_F(LyingShares, SA10_ADeliveryOnlyOnce) {
  Held();
  ExpectRefused(victim(), victim().OnDelivery(Relay(delivery_)), StatusCode::kFailedPrecondition,
                "SA-10");
}

class LyingActiveSet : public LyingShares {
 protected:
  void ExpectRefusal(const pb::ActiveSet& active, std::string_view check = "SA-11") {
    Held();
    ExpectRefused(victim(), victim().OnActiveSet(Relay(active)), StatusCode::kInvalidArgument,
                  check);
    ExpectRefused(victim(), victim().OnActiveSet(Relay(world_.ActiveOf(MemberSet::All(5)))),
                  StatusCode::kFailedPrecondition, "SA-12");
  }
};

TEST_F(LyingActiveSet, SA11_WithoutTheSigner) {
  ExpectRefusal(world_.ActiveOf(SetOf(5, {1, 2, 3, 4})));
}
TEST_F(LyingActiveSet, SA11_BelowTheQuorum) { ExpectRefusal(world_.ActiveOf(SetOf(5, {0, 1, 2}))); }
TEST_F(LyingActiveSet, SA11_AMemberWhoDealtUnderAnotherRoster) {
  // F2: the member's advert is replayed, or it was shown another roster; so its box does not open.
  box(3).mutable_box()->at(0) ^= 1;
  ExpectRefusal(world_.ActiveOf(MemberSet::All(5)));
}
TEST_F(LyingActiveSet, SA37_PaddingBits) {
  pb::ActiveSet active = world_.ActiveOf(MemberSet::All(5));
  active.mutable_members()->at(0) = '\x3f';
  ExpectRefusal(active, "SA-37");
}
TEST_F(LyingActiveSet, SA12_TwoSetsOfOneBatch) {
  Held();
  EXPECT_OK(victim().OnActiveSet(Relay(world_.ActiveOf(MemberSet::All(5)))));
  ExpectRefused(victim(), victim().OnActiveSet(Relay(world_.ActiveOf(SetOf(5, {0, 1, 2, 3})))),
                StatusCode::kFailedPrecondition, "SA-12");
}
// The same below the driver: the phase itself, asked twice.
TEST(LyingActiveSets, SA12_OneSetupSignatureABatch) {
  secure_agg::Federation federation({.members = 5});
  secure_agg::Stages stages(federation);
  stages.Advertise();
  stages.Deal();
  stages.Report();
  EXPECT_OK(std::move(stages.awaiting_active[0]).OnActiveSet({MemberSet::All(5)}));
  EXPECT_THAT(std::move(stages.awaiting_active[0]).OnActiveSet({SetOf(5, {0, 1, 2, 3})}),
              StatusIs(StatusCode::kFailedPrecondition, "SA-12"));
}
TEST(LyingActiveSets, SA12_AnOlderBatchIsNotSignedAfterANewer) {
  secure_agg::Federation federation({.members = 5});
  secure_agg::Stages older(federation), newer(federation);
  older.Advertise(1);
  older.Deal();
  older.Report();
  newer.Advertise(2);
  newer.Deal();
  newer.Report();
  EXPECT_OK(std::move(newer.awaiting_active[0]).OnActiveSet({MemberSet::All(5)}));
  EXPECT_THAT(std::move(older.awaiting_active[0]).OnActiveSet({MemberSet::All(5)}),
              StatusIs(StatusCode::kFailedPrecondition, "SA-12"));
}
TEST(LyingActiveSets, SA11_BelowTheContractsSurvivors) {
  WireWorld world({.members = 5, .min_survivors = 5});
  world.Advertise();
  world.Deal();
  world.Report();
  ExpectRefused(world.client(0),
                world.client(0).OnActiveSet(world.ActiveOf(SetOf(5, {0, 1, 2, 3}))),
                StatusCode::kInvalidArgument, "SA-11");
}

class LyingSetupCertificate : public testing::Test {
 protected:
  LyingSetupCertificate() {
    world_.Advertise();
    world_.Deal();
    world_.Report();
    world_.Sign();
    certificate_ = world_.SetupCertificate();
  }
  void ExpectRefusal(std::string_view check, StatusCode code = StatusCode::kInvalidArgument) {
    SecureSum& victim = world_.client(0);
    ExpectRefused(victim, victim.OnSetupCertificate(Relay(certificate_)), code, check);
    EXPECT_FALSE(victim.setup_hash().has_value());
    // SA-13: without the certificate there is no batch, so no upload.
    ExpectRefused(victim, world_.Open(0, world_.StartOf(0, 1)), StatusCode::kFailedPrecondition,
                  "SA-15");
  }
  void SetSignature(int i, const Ed25519Signature& signature) {
    certificate_.mutable_entries(i)->set_signature(Text(signature));
  }
  WireWorld world_{{.members = 5}};
  pb::Certificate certificate_;
};

TEST_F(LyingSetupCertificate, SA13_FewerThanAQuorum) {
  certificate_.mutable_entries()->DeleteSubrange(0, 2);
  ExpectRefusal("SA-13");
}
TEST_F(LyingSetupCertificate, SA13_Empty) {
  certificate_.clear_entries();
  ExpectRefusal("SA-13");
}
TEST_F(LyingSetupCertificate, SA13_ASignatureOverAnotherSet) {
  const Hash32 roster = world_.Roster().hash();
  SetSignature(3, world_.SignAs(3, secure_agg::SetupStatement(roster, SetOf(5, {0, 1, 2, 3}))));
  ExpectRefusal("SA-13", StatusCode::kUnauthenticated);
}
TEST_F(LyingSetupCertificate, SA13_ASignatureUnderAnotherRoster) {
  Hash32 roster = world_.Roster().hash();
  roster[0] ^= 1;
  SetSignature(3, world_.SignAs(3, secure_agg::SetupStatement(roster, MemberSet::All(5))));
  ExpectRefusal("SA-13", StatusCode::kUnauthenticated);
}
TEST_F(LyingSetupCertificate, SA37_OneSignerTwice) {
  *certificate_.mutable_entries(2) = certificate_.entries(1);
  ExpectRefusal("SA-37");
}
TEST_F(LyingSetupCertificate, SA37_ASignerOutsideTheRoster) {
  certificate_.mutable_entries(4)->set_signer(5);
  ExpectRefusal("SA-37");
}
TEST_F(LyingSetupCertificate, SA13_AnyQuorumWillDo) {
  certificate_.mutable_entries()->DeleteSubrange(0, 1);
  EXPECT_OK(world_.client(0).OnSetupCertificate(certificate_));
}

// SA-38, SA-42: no message carries a sender, a threshold or a mode; what the schema does not have
// cannot be negotiated. A new field is a decision, and this test is where it is noticed.
TEST(Messages, SA42_NoMessageLowersATermOfTheContract) {
  std::string names = " ";
  const google::protobuf::FileDescriptor* const file = pb::Roster::descriptor()->file();
  for (int m = 0; m < file->message_type_count(); ++m)
    for (int f = 0; f < file->message_type(m)->field_count(); ++f)
      names += file->message_type(m)->field(f)->name() + " ";
  for (const char* const forbidden :
       {"threshold", "quorum", " mode ", "cipher", "sender", "survivors", "bits", "dim", "floor"})
    EXPECT_EQ(names.find(forbidden), std::string::npos) << forbidden;
}

}  // namespace
}  // namespace veilsum::attack
