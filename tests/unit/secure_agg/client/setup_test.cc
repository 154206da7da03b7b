// Setup at a client whose server lies: one test a check, SA-01 to SA-13 and SA-33.
#include "secure_agg/client/setup.h"

#include <algorithm>

#include "base/crypto/sha256.h"
#include "secure_agg/transcripts.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum::secure_agg {
namespace {

using absl::StatusCode;

// What member 0 answers to a roster.
class RosterChecks : public testing::Test {
 protected:
  RosterChecks() : stages_(federation_) {
    stages_.Advertise();
    claim_ = stages_.HonestRoster();
  }
  absl::Status Offer() {
    return std::move(stages_.advertised[0])
        .OnRoster(claim_, federation_.verifier(), federation_.rng())
        .status();
  }
  void Resign(std::size_t member) {  // the lying server has this member as an accomplice
    Advert& advert = claim_.adverts[member];
    advert.signature = federation_.identity(member).signer->Sign(AdvertStatement(advert).bytes());
  }
  void ExpectRefusal(std::string_view check) {
    EXPECT_THAT(Offer(), StatusIs(StatusCode::kInvalidArgument, check));
  }

  Federation federation_{{.members = 5}};
  Stages stages_;
  UnverifiedRoster claim_;
};

TEST_F(RosterChecks, AcceptTheHonestRoster) { EXPECT_OK(Offer()); }

TEST_F(RosterChecks, SA01_RefuseAMemberOutsideTheContract) {
  Federation stranger({.members = 6, .seed = 2});  // its sixth seat is not in our contract
  Stages other(stranger);
  other.Advertise();
  for (const Advert& advert : other.adverts) {
    if (federation_.params()->FindSeat(advert.member_id) == nullptr)
      claim_.adverts.push_back(advert);
  }
  std::ranges::sort(claim_.adverts, {}, &Advert::member_id);
  ExpectRefusal("SA-01");
}
TEST_F(RosterChecks, SA01_RefuseACertificateThatDoesNotChain) {
  claim_.adverts[1].certificate[0] ^= 1;
  claim_.adverts[1].certificate_fingerprint = Sha256(claim_.adverts[1].certificate);
  EXPECT_THAT(Offer(), StatusIs(StatusCode::kUnauthenticated, "SA-01"));
}
TEST_F(RosterChecks, SA01_RefuseACertificateUnderAnotherFingerprint) {
  claim_.adverts[1].certificate = claim_.adverts[2].certificate;
  ExpectRefusal("SA-01");
}
TEST_F(RosterChecks, SA01_RefuseACertificateOfAnotherSeat) {
  claim_.adverts[1].certificate = claim_.adverts[2].certificate;
  claim_.adverts[1].certificate_fingerprint = claim_.adverts[2].certificate_fingerprint;
  ExpectRefusal("SA-01");
}
TEST_F(RosterChecks, SA02_RefuseAnotherNumberOfColluders) {
  claim_.colluders = 0;
  ExpectRefusal("SA-02");
}
TEST_F(RosterChecks, SA03_RefuseARosterBelowTheMinimum) {
  claim_.adverts.resize(2);
  ExpectRefusal("SA-03");
}
TEST_F(RosterChecks, SA04_RefuseAnUnsignedChange) {
  claim_.adverts[1].self_commitments[0][0] ^= 1;
  EXPECT_THAT(Offer(), StatusIs(StatusCode::kUnauthenticated, "SA-04"));
}
TEST_F(RosterChecks, SA04_RefuseAnAdvertOfAnotherBatch) {
  claim_.adverts[1].batch = 2;
  Resign(1);
  ExpectRefusal("SA-04");
}
TEST_F(RosterChecks, SA04_RefuseAnAdvertOfAnotherSession) {
  claim_.adverts[1].session[0] ^= 1;
  Resign(1);
  ExpectRefusal("SA-04");
}
TEST_F(RosterChecks, SA04_RefuseAnAdvertOfAnotherContract) {
  claim_.adverts[1].contract_hash[0] ^= 1;
  Resign(1);
  ExpectRefusal("SA-04");
}
TEST_F(RosterChecks, SA04_RefuseAnAdvertWithFewerSlots) {
  claim_.adverts[1].mask_keys.pop_back();
  claim_.adverts[1].self_commitments.pop_back();
  Resign(1);
  ExpectRefusal("SA-04");
}
TEST_F(RosterChecks, SA05_RefuseARosterWithoutUs) {
  claim_.adverts.erase(claim_.adverts.begin());
  ExpectRefusal("SA-05");
}
TEST_F(RosterChecks, SA05_RefuseAnOlderAdvertOfOurs) {
  Federation same({.members = 5});  // the same identities, other keys
  same.rng().NewSecret<32>();
  Stages older(same);
  older.Advertise();
  claim_.adverts[0] = older.adverts[0];
  ExpectRefusal("SA-05");
}
TEST_F(RosterChecks, SA06_RefuseASeatListedTwice) {
  claim_.adverts.insert(claim_.adverts.begin() + 1, claim_.adverts[1]);
  ExpectRefusal("SA-06");
}
TEST_F(RosterChecks, SA06_RefuseAnUnsortedRoster) {
  std::swap(claim_.adverts[1], claim_.adverts[2]);
  ExpectRefusal("SA-06");
}
TEST_F(RosterChecks, SA06_RefuseARepeatedKey) {
  claim_.adverts[1].mask_keys[1] = claim_.adverts[0].mask_keys[0];
  Resign(1);
  ExpectRefusal("SA-06");
}
TEST_F(RosterChecks, SA06_RefuseARepeatedCommitment) {
  claim_.adverts[1].self_commitments[1] = claim_.adverts[0].self_commitments[1];
  Resign(1);
  ExpectRefusal("SA-06");
}
TEST_F(RosterChecks, SA06_RefuseAKeyThatIsNotCanonical) {
  claim_.adverts[1].channel_key[31] |= 0x80;
  Resign(1);
  ExpectRefusal("SA-06");
}
TEST_F(RosterChecks, SA07_ServeOneRosterAnAdvert) {
  EXPECT_OK(Offer());
  EXPECT_THAT(Offer(), StatusIs(StatusCode::kFailedPrecondition, "SA-07"));
}
TEST_F(RosterChecks, SA09_RefuseAKeyOfSmallOrder) {
  claim_.adverts[1].channel_key.fill(0);
  Resign(1);
  ExpectRefusal("SA-09");
}

TEST(SetupOffers, SA02_MustBeOfThisContractAndItsSlots) {
  Federation federation;
  BatchOffer offer = federation.Offer(1);
  offer.slots = 3;
  EXPECT_THAT(BatchAdvertised::Start(federation.session(0), offer, federation.rng()),
              StatusIs(StatusCode::kInvalidArgument, "SA-02"));
  offer = federation.Offer(1);
  offer.contract_hash[0] ^= 1;
  EXPECT_THAT(BatchAdvertised::Start(federation.session(0), offer, federation.rng()),
              StatusIs(StatusCode::kInvalidArgument, "SA-02"));
}

TEST(SetupOffers, SA33_BatchesIncreaseAndSessionsAreNotReentered) {
  Federation federation;
  const auto start = [&](const BatchOffer& offer) {
    return BatchAdvertised::Start(federation.session(0), offer, federation.rng()).status();
  };
  EXPECT_OK(start(federation.Offer(2)));
  EXPECT_THAT(start(federation.Offer(2)), StatusIs(StatusCode::kInvalidArgument, "SA-33"));
  EXPECT_THAT(start(federation.Offer(1)), StatusIs(StatusCode::kInvalidArgument, "SA-33"));
  BatchOffer restarted = federation.Offer(1);
  restarted.session.fill(8);
  EXPECT_OK(start(restarted));
  EXPECT_THAT(start(federation.Offer(3)), StatusIs(StatusCode::kInvalidArgument, "SA-33"));
}

TEST(SetupOffers, SA07_KeysAreFreshForEveryAdvert) {
  Federation federation;
  Stages first(federation);
  first.Advertise(1);
  Stages second(federation);
  second.Advertise(2);
  EXPECT_NE(first.adverts[0].channel_key, second.adverts[0].channel_key);
  EXPECT_NE(first.adverts[0].mask_keys[0], second.adverts[0].mask_keys[0]);
  EXPECT_NE(first.adverts[0].mask_keys[0], first.adverts[0].mask_keys[1]);
  EXPECT_NE(first.adverts[0].self_commitments[0], second.adverts[0].self_commitments[0]);
}

TEST(SetupOffers, SA33_AnAdvertOfASupersededBatchServesNoRoster) {
  Federation federation;
  Stages stages(federation);
  stages.Advertise(1);
  Stages newer(federation);
  newer.Advertise(2);
  EXPECT_THAT(std::move(stages.advertised[0])
                  .OnRoster(stages.HonestRoster(), federation.verifier(), federation.rng()),
              StatusIs(StatusCode::kFailedPrecondition, "SA-33"));
}

class ShareChecks : public testing::Test {
 protected:
  ShareChecks() : stages_(federation_) {
    stages_.Advertise();
    stages_.Deal();
    delivery_ = stages_.DeliveryFor(0);
  }
  absl::StatusOr<Sent<ShareReport, AwaitingActiveSet>> Deliver() {
    return std::move(stages_.awaiting_shares[0]).OnShares(delivery_);
  }
  void ExpectHeld(std::initializer_list<std::size_t> held) {
    const auto sent = Deliver();
    ASSERT_OK(sent);
    EXPECT_EQ(sent->message.held, SetOf(5, held));
  }
  Federation federation_{{.members = 5}};
  Stages stages_;
  ShareDelivery delivery_;
};

TEST_F(ShareChecks, SA08_TheUploadIsKeptForAByteIdenticalRetry) {
  EXPECT_EQ(stages_.awaiting_shares[0].sent(), stages_.uploads[0]);
}
TEST_F(ShareChecks, SA10_ReportAChangedBoxAsNotHeld) {
  delivery_.boxes[1].box[40] ^= 1;
  ExpectHeld({0, 1, 3, 4});
}
TEST_F(ShareChecks, SA10_ReportAMissingBoxAsNotHeld) {
  delivery_.boxes.pop_back();
  ExpectHeld({0, 1, 2, 3});
}
TEST_F(ShareChecks, SA10_ReportABoxForAnotherHolderAsNotHeld) {
  delivery_.boxes[0].box = stages_.uploads[1].boxes[2].box;
  ExpectHeld({0, 2, 3, 4});
}
TEST_F(ShareChecks, SA10_ReportTheOwnBoxReflectedAsNotHeld) {
  delivery_.boxes[0].box = stages_.uploads[0].boxes[0].box;
  ExpectHeld({0, 2, 3, 4});
}
TEST_F(ShareChecks, SA10_ReportABoxOfAnotherLengthAsNotHeld) {
  delivery_.boxes[0].box.push_back(0);
  ExpectHeld({0, 2, 3, 4});
}
TEST_F(ShareChecks, SA10_RefuseDealersOutOfOrder) {
  std::swap(delivery_.boxes[0], delivery_.boxes[1]);
  EXPECT_THAT(Deliver(), StatusIs(StatusCode::kInvalidArgument, "SA-10"));
}

class ActiveSetChecks : public ShareChecks {
 protected:
  absl::Status Propose(const MemberSet& active) {
    auto sent = Deliver();
    if (!sent.ok()) return sent.status();
    return std::move(sent->next).OnActiveSet({active}).status();
  }
};

TEST_F(ActiveSetChecks, SA11_RefuseASetWithoutUs) {
  EXPECT_THAT(Propose(SetOf(5, {1, 2, 3, 4})), StatusIs(StatusCode::kInvalidArgument, "SA-11"));
}
TEST_F(ActiveSetChecks, SA11_RefuseASetBelowTheQuorum) {
  EXPECT_THAT(Propose(SetOf(5, {0, 1, 2})), StatusIs(StatusCode::kInvalidArgument, "SA-11"));
}
TEST_F(ActiveSetChecks, SA11_RefuseAMemberWhoseBundleIsNotHeld) {
  delivery_.boxes.pop_back();
  EXPECT_THAT(Propose(MemberSet::All(5)),
              StatusIs(StatusCode::kInvalidArgument, "SA-11: no valid bundle"));
}
TEST_F(ActiveSetChecks, SA11_RefuseASetOverAnotherRoster) {
  EXPECT_THAT(Propose(MemberSet::All(6)), StatusIs(StatusCode::kInvalidArgument, "SA-11"));
}
TEST_F(ActiveSetChecks, SA12_SignOneSetABatch) {
  auto sent = Deliver();
  ASSERT_OK(sent);
  EXPECT_OK(std::move(sent->next).OnActiveSet({MemberSet::All(5)}));
  EXPECT_THAT(std::move(sent->next).OnActiveSet({SetOf(5, {0, 1, 2, 3})}),
              StatusIs(StatusCode::kFailedPrecondition, "SA-12"));
}
TEST(SetupFloor, SA11_RefuseASetBelowTheContractsSurvivors) {
  Federation federation({.members = 5, .min_survivors = 5});
  Stages stages(federation);
  stages.Advertise();
  stages.Deal();
  stages.Report();
  EXPECT_THAT(std::move(stages.awaiting_active[0]).OnActiveSet({SetOf(5, {0, 1, 2, 3})}),
              StatusIs(StatusCode::kInvalidArgument, "SA-11"));
}

class SetupCertificateChecks : public testing::Test {
 protected:
  SetupCertificateChecks() : stages_(federation_) {
    stages_.Advertise();
    stages_.Deal();
    stages_.Report();
    stages_.Sign();
    certificate_ = stages_.HonestCertificate();
  }
  absl::Status Present() {
    return std::move(stages_.awaiting_certificate[0]).OnCertificate(certificate_).status();
  }
  Federation federation_{{.members = 5}};
  Stages stages_;
  Certificate certificate_;
};

TEST_F(SetupCertificateChecks, AcceptAQuorum) {
  certificate_.entries.erase(certificate_.entries.begin());
  EXPECT_OK(Present());
}
TEST_F(SetupCertificateChecks, SA13_RefuseFewerThanAQuorum) {
  certificate_.entries.resize(3);
  EXPECT_THAT(Present(), StatusIs(StatusCode::kInvalidArgument, "SA-13"));
}
TEST_F(SetupCertificateChecks, SA13_RefuseASignerCountedTwice) {
  certificate_.entries[2] = certificate_.entries[1];
  EXPECT_THAT(Present(), StatusIs(StatusCode::kInvalidArgument, "SA-13"));
}
TEST_F(SetupCertificateChecks, SA13_RefuseASignerOutsideTheRoster) {
  certificate_.entries.back().signer = Index(7);
  EXPECT_THAT(Present(), StatusIs(StatusCode::kInvalidArgument, "SA-13"));
}
TEST_F(SetupCertificateChecks, SA13_RefuseASignatureOverAnotherSet) {
  const auto& roster_hash = stages_.HonestRoster();
  ASSERT_OK_AND_ASSIGN(
      const VerifiedRoster roster,
      VerifiedRoster::Verify(roster_hash, *federation_.params(), {stages_.adverts[0].session, 1},
                             federation_.verifier()));
  const Transcript other = SetupStatement(roster.hash(), SetOf(5, {0, 1, 2, 3}));
  certificate_.entries[3].signature = federation_.identity(3).signer->Sign(other.bytes());
  EXPECT_THAT(Present(), StatusIs(StatusCode::kUnauthenticated, "SA-13"));
}
TEST_F(SetupCertificateChecks, SA13_RefuseASignerOutsideTheActiveSet) {
  Stages smaller(federation_);
  smaller.Advertise(2);
  smaller.Deal();
  smaller.Report();
  const MemberSet active = SetOf(5, {0, 1, 2, 3});
  Certificate certificate;
  std::optional<AwaitingSetupCertificate> phase;
  for (std::size_t i = 0; i < 4; ++i) {
    auto sent = std::move(smaller.awaiting_active[i]).OnActiveSet({active});
    ASSERT_OK(sent);
    certificate.entries.push_back({Index(i), sent->message.signature});
    if (i == 0) phase.emplace(std::move(sent->next));
  }
  certificate.entries[3].signer = Index(4);
  EXPECT_THAT(std::move(*phase).OnCertificate(certificate),
              StatusIs(StatusCode::kInvalidArgument, "SA-13"));
}

}  // namespace
}  // namespace veilsum::secure_agg
