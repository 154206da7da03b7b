// A coordinator that lies in a round, on the wire, to a real client: SA-13, SA-15, SA-16, SA-18,
// SA-23 to SA-33, SA-43. Five members, q = t = 4; member 0 is the victim.
#include "secure_agg/arith/shamir.h"
#include "secure_agg/crypto/key_agreement.h"
#include "secure_agg/transcripts.h"
#include "tests/attack/wire_world.h"

namespace veilsum::attack {
namespace {

using absl::StatusCode;
using secure_agg::FederationOptions;

class LyingRound : public testing::Test {
 protected:
  LyingRound() {
    world_.SetUp();
    start_ = world_.StartOf(0, 1);
  }
  SecureSum& victim() { return world_.client(0); }
  void ExpectSlotOver() {  // rule 21: nothing more comes of the slot, and the next one works
    EXPECT_FALSE(world_.Commit(0, 1, u_).ok());
    EXPECT_FALSE(world_.Certificate(0, Certificate(u_)).ok());
    EXPECT_FALSE(victim().Mask(kInput).ok());
    if (!victim().alarmed()) {
      EXPECT_OK(world_.Open(0, world_.StartOf(1, 2)));
    }
  }
  void ExpectAlarm(const absl::Status& status, std::string_view check) {
    ExpectRefused(victim(), status, StatusCode::kDataLoss, check);
    EXPECT_TRUE(victim().alarmed());
    // SA-43: the session is over, whatever is asked.
    ExpectRefused(victim(), world_.Open(0, world_.StartOf(1, 2)), StatusCode::kDataLoss, "SA-43");
    ExpectRefused(victim(), victim().OnOffer(world_.OfferOf(2)), StatusCode::kDataLoss, "SA-43");
    ExpectRefused(victim(), world_.Commit(0, 1, u_).status(), StatusCode::kDataLoss, "SA-43");
    ExpectRefused(victim(), world_.Certificate(0, Certificate(u_)).status(), StatusCode::kDataLoss,
                  "SA-43");
  }
  pb::CommitCertificate Certificate(const MemberSet& u) {
    return world_.CertificateOver(start_, u, {1, 2, 3, 4});
  }
  void UploadAndSign() {
    world_.Upload(0, start_);
    EXPECT_OK(world_.Commit(0, 1, u_));
  }
  WireWorld world_{{.members = 5, .slots = 4}};
  pb::RoundStart start_;
  MemberSet u_ = SetOf(5, {0, 1, 2, 3});
  MemberSet other_u_ = SetOf(5, {0, 1, 2, 4});
};

TEST_F(LyingRound, SA15_AnotherBatchsSetup) {
  start_.mutable_setup_hash()->at(0) ^= 1;
  ExpectRefused(victim(), world_.Open(0, start_), StatusCode::kInvalidArgument, "SA-15");
}
TEST_F(LyingRound, SA15_TheSameSlotForAnotherRound) {
  world_.Upload(0, start_);
  pb::RoundStart again = world_.StartOf(0, 2);
  ExpectRefused(victim(), world_.Open(0, again), StatusCode::kInvalidArgument, "SA-15");
}
TEST_F(LyingRound, SA15_TheSameRoundInAnotherSlot) {
  world_.Upload(0, start_);
  ExpectRefused(victim(), world_.Open(0, world_.StartOf(1, 1)), StatusCode::kInvalidArgument,
                "SA-15");
}
TEST_F(LyingRound, SA15_ARoundThatTheLedgerHasAfterARestart) {
  world_.Restart(0, /*last_round=*/9);
  for (std::size_t i = 1; i < 5; ++i) world_.Restart(i, 0);
  world_.SetUp(1);
  ExpectRefused(victim(), world_.Open(0, world_.StartOf(0, 9)), StatusCode::kInvalidArgument,
                "SA-15");
  EXPECT_OK(world_.Open(0, world_.StartOf(0, 10)));
}
TEST_F(LyingRound, SA15_ARepeatedStartLeavesTheOpenSlotAlone) {
  world_.Upload(0, start_);
  ExpectRefused(victim(), world_.Open(0, start_), StatusCode::kInvalidArgument, "SA-15");
  EXPECT_OK(world_.Commit(0, 1, u_));
  ExpectRefused(victim(), world_.Open(0, start_), StatusCode::kInvalidArgument, "SA-15");
  EXPECT_OK(world_.Certificate(0, Certificate(u_)));
}
TEST_F(LyingRound, SA16_ASumThatTheContractLacks) {
  start_.set_sum(1);
  ExpectRefused(victim(), world_.Open(0, start_), StatusCode::kInvalidArgument, "SA-16");
}
TEST_F(LyingRound, SA18_ASecondVectorForASlot) {
  world_.Upload(0, start_);
  ExpectRefused(victim(), victim().Mask(kInput), StatusCode::kFailedPrecondition, "SA-27");
}

TEST_F(LyingRound, SA23_SurvivorsBelowTheFloor) {
  world_.Upload(0, start_);
  ExpectRefused(victim(), world_.Commit(0, 1, SetOf(5, {0, 1, 2})), StatusCode::kInvalidArgument,
                "SA-23");
  ExpectSlotOver();
}
TEST(LyingRounds, SA23_SurvivorsBelowTheContractsFloor) {
  WireWorld world({.members = 6, .min_survivors = 6});
  world.SetUp();
  world.Upload(0, world.StartOf(0, 1));
  ExpectRefused(world.client(0), world.Commit(0, 1, SetOf(6, {0, 1, 2, 3, 4})),
                StatusCode::kInvalidArgument, "SA-23");
}
TEST_F(LyingRound, SA37_SurvivorsOverAnotherRosterSize) {
  world_.Upload(0, start_);
  ExpectRefused(victim(), world_.Commit(0, 1, MemberSet::All(9)), StatusCode::kInvalidArgument,
                "SA-37");
  ExpectSlotOver();
}
// SA-23: a name outside V would inflate #U. Here V leaves member 4 out.
TEST(LyingRounds, SA23_SurvivorsOutsideTheActiveSet) {
  WireWorld world({.members = 5, .slots = 4});
  world.Advertise();
  world.Deal();
  world.Report();
  const MemberSet v = SetOf(5, {0, 1, 2, 3});
  world.setup_signatures.clear();
  for (std::size_t i = 0; i < 4; ++i) {
    const auto reply = world.client(i).OnActiveSet(world.ActiveOf(v));
    ASSERT_OK(reply);
    world.setup_signatures.push_back(reply->setup_signature());
  }
  for (std::size_t i = 0; i < 4; ++i)
    ASSERT_OK(world.client(i).OnSetupCertificate(world.SetupCertificate()));
  world.Upload(0, world.StartOf(0, 1));
  ExpectRefused(world.client(0), world.Commit(0, 1, SetOf(5, {0, 1, 2, 4})),
                StatusCode::kInvalidArgument, "SA-23");
}
TEST_F(LyingRound, SA24_ACommitForAnotherRoundTouchesNothing) {
  world_.Upload(0, start_);
  ExpectRefused(victim(), world_.Commit(0, 2, u_), StatusCode::kInvalidArgument, "SA-24");
  EXPECT_OK(world_.Commit(0, 1, u_));
}
TEST_F(LyingRound, SA24_TheSignatureIsOverTheRoundThatTheClientAccepted) {
  world_.Upload(0, start_);
  const auto reply = world_.Commit(0, 1, u_);
  ASSERT_OK(reply);
  pb::RoundStart another = start_;
  another.set_step(5);  // another step_hash than the victim was told
  const auto verifies = [&](const pb::RoundStart& start) {
    pb::CommitCertificate certificate = world_.CertificateOver(start, u_, {1, 2, 3});
    auto& entries = *certificate.mutable_certificate()->mutable_entries();
    pb::Certificate::Entry* const mine = entries.Add();
    mine->set_signer(0);
    mine->set_signature(reply->commit_signature().signature());
    entries.SwapElements(0, 3);
    entries.SwapElements(1, 3);
    entries.SwapElements(2, 3);
    WireWorld peer({.members = 5, .slots = 4});  // the same seed: the same members and keys
    peer.SetUp();
    peer.Upload(1, start);
    EXPECT_OK(peer.Commit(1, 1, u_));
    return peer.Certificate(1, certificate).ok();
  };
  EXPECT_TRUE(verifies(start_));
  EXPECT_FALSE(verifies(another));
}
TEST_F(LyingRound, SA25_ListedWithoutAnUpload) {
  EXPECT_OK(world_.Open(0, start_));
  ExpectAlarm(world_.Commit(0, 1, u_).status(), "SA-25");
}
TEST_F(LyingRound, SA26_ASecondSetOfSurvivors) {
  UploadAndSign();
  ExpectAlarm(world_.Commit(0, 1, other_u_).status(), "SA-26");
}
TEST_F(LyingRound, SA26_ASecondSetOfSurvivorsAfterTheReveal) {
  UploadAndSign();
  EXPECT_OK(world_.Certificate(0, Certificate(u_)));
  ExpectAlarm(world_.Commit(0, 1, other_u_).status(), "SA-26");
}
TEST_F(LyingRound, SA26_TheSameRequestGetsTheSameSignature) {
  world_.Upload(0, start_);
  const auto first = world_.Commit(0, 1, u_), second = world_.Commit(0, 1, u_);
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT_EQ(first->SerializeAsString(), second->SerializeAsString());
}
TEST_F(LyingRound, SA27_NoUploadAfterSigning) {
  EXPECT_OK(world_.Open(0, start_));
  EXPECT_OK(world_.Commit(0, 1, SetOf(5, {1, 2, 3, 4})));
  ExpectRefused(victim(), victim().Mask(kInput), StatusCode::kFailedPrecondition, "SA-27");
}

TEST_F(LyingRound, SA28_FewerSignaturesThanAQuorum) {
  UploadAndSign();
  ExpectRefused(victim(), world_.Certificate(0, world_.CertificateOver(start_, u_, {1, 2, 3})),
                StatusCode::kInvalidArgument, "SA-28");
  ExpectSlotOver();
}
TEST_F(LyingRound, SA28_NoSignatureAtAll) {
  UploadAndSign();
  ExpectRefused(victim(), world_.Certificate(0, world_.CertificateOver(start_, u_, {})),
                StatusCode::kInvalidArgument, "SA-28");
}
TEST_F(LyingRound, SA28_SignaturesOverAnotherModel) {
  UploadAndSign();
  pb::RoundStart other = start_;
  other.mutable_model_hash()->at(0) ^= 1;
  ExpectRefused(victim(), world_.Certificate(0, world_.CertificateOver(other, u_, {1, 2, 3, 4})),
                StatusCode::kUnauthenticated, "SA-28");
  ExpectSlotOver();
}
TEST_F(LyingRound, SA28_SignaturesOverAnotherSetUnderTheSignedName) {
  UploadAndSign();
  pb::CommitCertificate certificate = Certificate(other_u_);
  certificate.set_members(Text(u_.bytes()));
  ExpectRefused(victim(), world_.Certificate(0, certificate), StatusCode::kUnauthenticated,
                "SA-28");
}
TEST_F(LyingRound, SA37_OneSignerTwice) {
  UploadAndSign();
  pb::CommitCertificate certificate = Certificate(u_);
  *certificate.mutable_certificate()->mutable_entries(1) = certificate.certificate().entries(0);
  ExpectRefused(victim(), world_.Certificate(0, certificate), StatusCode::kInvalidArgument,
                "SA-37");
  ExpectSlotOver();
}
TEST_F(LyingRound, SA29_ACertificateForAnotherRoundTouchesNothing) {
  UploadAndSign();
  pb::CommitCertificate certificate = Certificate(u_);
  certificate.set_round(2);
  ExpectRefused(victim(), world_.Certificate(0, certificate), StatusCode::kInvalidArgument,
                "SA-29");
  EXPECT_OK(world_.Certificate(0, Certificate(u_)));
}
TEST_F(LyingRound, SA29_ACertificateBeforeTheCommit) {
  world_.Upload(0, start_);
  ExpectRefused(victim(), world_.Certificate(0, Certificate(u_)), StatusCode::kFailedPrecondition,
                "SA-29");
}
// SA-29: the accomplice 4 holds its own shares and gets those of 0..3; it rebuilds what U allows,
// of each dealer one secret, and no other.
TEST_F(LyingRound, SA29_OfEachDealerOneKindOfShare) {
  std::map<std::size_t, pb::Reveal> reveals;
  for (std::size_t i = 0; i < 4; ++i) {
    world_.Upload(i, start_);
    EXPECT_OK(world_.Commit(i, 1, u_));
    const auto reply = world_.Certificate(i, world_.CertificateOver(start_, u_, {0, 1, 2, 3}));
    ASSERT_OK(reply);
    reveals[i] = reply->reveal();
    EXPECT_EQ(reply->reveal().shares_size(), 5);
  }
  std::vector<RosterIndex> responders;
  for (std::size_t i = 0; i < 4; ++i) responders.push_back(Index(i));
  const auto interpolation = secure_agg::Interpolation::Create(responders).value();
  for (std::size_t dealer = 0; dealer < 5; ++dealer) {
    std::vector<ByteArray<32>> shares;
    for (std::size_t i = 0; i < 4; ++i)
      shares.push_back(
          ParseFixed<32>("share", AsBytes(reveals[i].shares(static_cast<int>(dealer)))).value());
    std::vector<const ByteArray<32>*> pointers;
    for (const auto& share : shares) pointers.push_back(&share);
    const Secret<32> secret = interpolation.Combine(pointers);
    EXPECT_EQ(Text(secure_agg::SelfCommitment(0, secret.Expose())) ==
                  world_.adverts[dealer].self_commitments(0),
              u_.Contains(Index(dealer)));
    EXPECT_EQ(
        Text(secure_agg::X25519Public(secret.Expose())) == world_.adverts[dealer].mask_keys(0),
        !u_.Contains(Index(dealer)));
  }
}
TEST_F(LyingRound, SA30_ACertificateOverAnotherSet) {
  UploadAndSign();
  ExpectAlarm(world_.Certificate(0, Certificate(other_u_)).status(), "SA-30");
}
TEST_F(LyingRound, SA30_ACertificateOverAnotherSetAfterTheReveal) {
  UploadAndSign();
  EXPECT_OK(world_.Certificate(0, Certificate(u_)));
  ExpectAlarm(world_.Certificate(0, Certificate(other_u_)).status(), "SA-30");
}
TEST_F(LyingRound, SA30_ARepeatGetsTheSameBytes) {
  UploadAndSign();
  const auto first = world_.Certificate(0, Certificate(u_));
  const auto second = world_.Certificate(0, Certificate(u_));
  ASSERT_OK(first);
  ASSERT_OK(second);
  EXPECT_EQ(first->SerializeAsString(), second->SerializeAsString());
}

// SA-31, in its four cases: acknowledged, higher slot, newer batch, deadline.
TEST_F(LyingRound, SA31_AfterTheAcknowledgementNothingIsLeft) {
  UploadAndSign();
  EXPECT_OK(world_.Certificate(0, Certificate(u_)));
  pb::RoundClosed closed;
  closed.set_round(1);
  victim().OnClosed(closed);
  ExpectRefused(victim(), world_.Certificate(0, Certificate(u_)), StatusCode::kFailedPrecondition,
                "SA-29");
}
TEST_F(LyingRound, SA31_AHigherSlotErasesTheLowerOne) {
  UploadAndSign();
  EXPECT_OK(world_.Open(0, world_.StartOf(2, 2)));
  ExpectRefused(victim(), world_.Certificate(0, Certificate(u_)), StatusCode::kInvalidArgument,
                "SA-29");
  ExpectRefused(victim(), world_.Open(0, world_.StartOf(1, 3)), StatusCode::kInvalidArgument,
                "SA-15");
}
TEST_F(LyingRound, SA31_TheClientsOwnDeadlineErasesTheSlot) {
  const Clock::Time t0{std::chrono::seconds(100)};
  EXPECT_OK(world_.Open(0, start_, t0 + std::chrono::seconds(20)));
  EXPECT_OK(victim().Mask(kInput));
  EXPECT_OK(world_.Commit(0, 1, u_));
  EXPECT_FALSE(victim().Expire(t0 + std::chrono::seconds(19)));
  EXPECT_TRUE(victim().Expire(t0 + std::chrono::seconds(20)));
  EXPECT_FALSE(victim().Expire(t0 + std::chrono::seconds(21)));
  ExpectRefused(victim(), world_.Certificate(0, Certificate(u_)), StatusCode::kFailedPrecondition,
                "SA-29");
  ExpectSlotOver();
}
TEST_F(LyingRound, SA33_TheBatchInUseRunsOnWhileTheNextIsKeyed) {
  UploadAndSign();
  const pb::RoundStart later = world_.StartOf(1, 2);
  world_.SetUp(2);
  EXPECT_OK(world_.Certificate(0, Certificate(u_)));  // the open slot was not disturbed
  EXPECT_OK(world_.Open(0, later));                   // and the older batch has not ended
  EXPECT_OK(world_.Open(0, world_.StartOf(0, 3)));    // now it has: a round of the newer came
  pb::RoundStart back = later;
  back.set_slot(2);
  back.set_round(4);
  ExpectRefused(victim(), world_.Open(0, back), StatusCode::kInvalidArgument, "SA-15");
}
TEST_F(LyingRound, SA33_ARoundOfTheNewerBatchErasesTheOlder) {
  UploadAndSign();
  world_.SetUp(2);
  EXPECT_OK(world_.Open(0, world_.StartOf(0, 2)));
  ExpectRefused(victim(), world_.Certificate(0, Certificate(u_)), StatusCode::kInvalidArgument,
                "SA-29");
}
// SA-32: a restarted process has nothing of the batch, and none of its messages is understood.
TEST_F(LyingRound, SA32_ARestartedClientCannotContinueABatch) {
  UploadAndSign();
  world_.Restart(0, 1);
  EXPECT_FALSE(victim().setup_hash().has_value());
  ExpectRefused(victim(), world_.Certificate(0, Certificate(u_)), StatusCode::kInvalidArgument,
                "SA-37");
  ExpectRefused(victim(), world_.Open(0, world_.StartOf(1, 2)), StatusCode::kFailedPrecondition,
                "SA-15");
}

}  // namespace
}  // namespace veilsum::attack
