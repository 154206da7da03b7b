// Slots at a client whose server lies: SA-15, SA-19, SA-23 to SA-33, one test a check.
#include "secure_agg/client/slot.h"

#include <set>

#include "secure_agg/arith/ring.h"
#include "secure_agg/arith/shamir.h"
#include "secure_agg/crypto/key_agreement.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum::secure_agg {
namespace {

using absl::StatusCode;
const std::vector<std::int64_t> kValues = {1, -2, 3, -4, 5};

// Five members with a certified batch of four slots: q = t = 4. Member 0 is the victim.
class SlotChecks : public testing::Test {
 protected:
  SlotChecks() : stages_(federation_) {
    stages_.Advertise();
    stages_.Deal();
    stages_.Report();
    stages_.Sign();
    stages_.Certify();
  }
  Batch& victim() { return stages_.batches[0]; }
  AwaitingInput Accepted(std::uint16_t slot = 0, std::uint64_t round = 1) {
    return victim().Accept(stages_.Start(slot, round)).value();
  }
  AwaitingCommit Uploaded() { return Accepted().OnInput(kValues).value().next; }
  CommitRequest Request(const MemberSet& survivors, std::uint64_t round = 1) {
    return {RoundId(round), survivors};
  }
  AwaitingCertificate Signed() { return Uploaded().OnCommit(Request(survivors_)).value().next; }
  CommitCertificate Certified(
      const MemberSet& survivors) {  // all members but the victim sign whatever they are asked to
    CommitCertificate certificate{RoundId(1), survivors, {}};
    const Transcript statement = CommitStatement(ContextOf(stages_.Start(0, 1)), survivors);
    for (std::size_t i = 1; i < 5; ++i) {
      certificate.certificate.entries.push_back(
          {Index(i), federation_.identity(i).signer->Sign(statement.bytes())});
    }
    return certificate;
  }
  Federation federation_{{.members = 5, .slots = 4}};
  Stages stages_;
  MemberSet survivors_ = SetOf(5, {0, 1, 2, 3});
};

TEST_F(SlotChecks, SA15_RefuseAnotherBatch) {
  RoundStart start = stages_.Start(0, 1);
  start.setup_hash[0] ^= 1;
  EXPECT_THAT(victim().Accept(start), StatusIs(StatusCode::kInvalidArgument, "SA-15"));
}
TEST_F(SlotChecks, SA15_RefuseASlotThatDoesNotIncrease) {
  Accepted(2, 1);
  EXPECT_THAT(victim().Accept(stages_.Start(2, 2)),
              StatusIs(StatusCode::kInvalidArgument, "SA-15"));
  EXPECT_THAT(victim().Accept(stages_.Start(1, 2)),
              StatusIs(StatusCode::kInvalidArgument, "SA-15"));
  EXPECT_THAT(victim().Accept(stages_.Start(4, 2)),
              StatusIs(StatusCode::kInvalidArgument, "SA-15"));
  EXPECT_OK(victim().Accept(stages_.Start(3, 2)));
  EXPECT_EQ(victim().remaining_slots(), 0u);
}
TEST_F(SlotChecks, SA15_RefuseARoundThatDoesNotIncrease) {
  Accepted(0, 5);
  EXPECT_THAT(victim().Accept(stages_.Start(1, 5)),
              StatusIs(StatusCode::kInvalidArgument, "SA-15"));
  EXPECT_THAT(victim().Accept(stages_.Start(1, 4)),
              StatusIs(StatusCode::kInvalidArgument, "SA-15"));
}
TEST_F(SlotChecks, SA15_RefuseARoundThatTheLedgerHas) {
  auto session = ClientSession::Create(*federation_.params(), federation_.identity(0), RoundId(9));
  ASSERT_OK(session);
  EXPECT_EQ((*session)->last_round(), RoundId(9));
  Accepted(0, 7);
  EXPECT_EQ(federation_.session(0)->last_round(), RoundId(7));
}
TEST_F(SlotChecks, SA16_RefuseASumThatTheContractLacks) {
  RoundStart start = stages_.Start(0, 1);
  start.sum = 1;
  EXPECT_THAT(victim().Accept(start), StatusIs(StatusCode::kInvalidArgument, "SA-16"));
}
TEST_F(SlotChecks, RefuseInputOfAnotherLength) {
  EXPECT_THAT(Accepted().OnInput(std::vector<std::int64_t>(4)),
              StatusIs(StatusCode::kInvalidArgument, "elements"));
}

// SA-18: the upload is built once and the same bytes stay at hand.
TEST_F(SlotChecks, SA18_KeepTheUploadForRetries) {
  auto sent = Accepted().OnInput(kValues);
  ASSERT_OK(sent);
  EXPECT_EQ(sent->message.words, sent->next.sent().words);
  EXPECT_EQ(sent->message.words->size(), 20u);
}

// SA-19: equal values give unrelated uploads, and no sum of uploads is free of masks before the
// reveal. That masks run over exactly the certified V is what makes the sums of dropout_test.cc
// exact.
TEST_F(SlotChecks, SA19_UploadsAreMasked) {
  Bytes total(20);
  std::set<Bytes> distinct;
  for (Batch& batch : stages_.batches) {
    auto sent = batch.Accept(stages_.Start(0, 1)).value().OnInput(kValues);
    ASSERT_OK(sent);
    distinct.insert(*sent->message.words);
    AddWords(RingBits::k32, total, *sent->message.words);
  }
  EXPECT_EQ(distinct.size(), 5u);
  EXPECT_NE(DecodeCentred(RingBits::k32, total), (std::vector<std::int64_t>{5, -10, 15, -20, 25}));
}

TEST_F(SlotChecks, SA23_RefuseSurvivorsOutsideTheActiveSet) {
  // Another roster size stands for any name outside V, which is the whole roster here.
  EXPECT_THAT(Uploaded().OnCommit(Request(MemberSet::All(6))),
              StatusIs(StatusCode::kInvalidArgument, "SA-23"));
}
TEST_F(SlotChecks, SA23_RefuseTooFewSurvivors) {
  EXPECT_THAT(Uploaded().OnCommit(Request(SetOf(5, {0, 1, 2}))),
              StatusIs(StatusCode::kInvalidArgument, "SA-23"));
}
TEST_F(SlotChecks, SA24_RefuseAnotherRound) {
  EXPECT_THAT(Uploaded().OnCommit(Request(survivors_, 2)),
              StatusIs(StatusCode::kInvalidArgument, "SA-24"));
}
TEST_F(SlotChecks, SA24_SignOnlyTheModelAndStepThatWereAccepted) {
  RoundStart other = stages_.Start(0, 1);
  other.model_hash[0] ^= 1;
  auto sent = Uploaded().OnCommit(Request(survivors_));
  ASSERT_OK(sent);
  const Ed25519PublicKey& key = federation_.identity(0).signer->public_key();
  EXPECT_TRUE(Ed25519Verify(key,
                            CommitStatement(ContextOf(stages_.Start(0, 1)), survivors_).bytes(),
                            sent->message.signature));
  EXPECT_FALSE(Ed25519Verify(key, CommitStatement(ContextOf(other), survivors_).bytes(),
                             sent->message.signature));
}
TEST_F(SlotChecks, SA25_AlarmWhenListedWithoutAnUpload) {
  EXPECT_THAT(Accepted().OnCommit(Request(survivors_)), StatusIs(StatusCode::kDataLoss, "SA-25"));
  EXPECT_TRUE(federation_.session(0)->alarmed());
  EXPECT_THAT(victim().Accept(stages_.Start(1, 2)), StatusIs(StatusCode::kDataLoss, "SA-43"));
  EXPECT_THAT(
      BatchAdvertised::Start(federation_.session(0), federation_.Offer(2), federation_.rng()),
      StatusIs(StatusCode::kDataLoss, "SA-43"));
}
TEST_F(SlotChecks, SA26_RepeatTheSameSignature) {
  auto sent = Uploaded().OnCommit(Request(survivors_));
  ASSERT_OK(sent);
  const auto again = sent->next.Repeat(Request(survivors_));
  ASSERT_OK(again);
  EXPECT_EQ(again->signature, sent->message.signature);
}
TEST_F(SlotChecks, SA26_AlarmOnASecondSetOfSurvivors) {
  AwaitingCertificate awaiting = Signed();
  EXPECT_THAT(awaiting.Repeat(Request(SetOf(5, {0, 1, 2, 4}))),
              StatusIs(StatusCode::kDataLoss, "SA-26"));
  EXPECT_TRUE(federation_.session(0)->alarmed());
  EXPECT_THAT(std::move(awaiting).OnCertificate(Certified(survivors_)),
              StatusIs(StatusCode::kDataLoss, "SA-43"));
}
TEST_F(SlotChecks, SA27_AMemberThatSignedNeverUploads) {
  AwaitingInput awaiting = Accepted();
  EXPECT_OK(std::move(awaiting).OnCommit(Request(SetOf(5, {1, 2, 3, 4}))));
  EXPECT_THAT(std::move(awaiting).OnInput(kValues),
              StatusIs(StatusCode::kFailedPrecondition, "already used"));
}
TEST_F(SlotChecks, SA27_AMemberWithoutUploadSignsAndReveals) {
  const MemberSet others = SetOf(5, {1, 2, 3, 4});
  auto sent = Accepted().OnCommit(Request(others));
  ASSERT_OK(sent);
  EXPECT_OK(std::move(sent->next).OnCertificate(Certified(others)));
}

TEST_F(SlotChecks, SA28_RefuseFewerThanAQuorum) {
  CommitCertificate certificate = Certified(survivors_);
  certificate.certificate.entries.pop_back();
  EXPECT_THAT(Signed().OnCertificate(certificate), StatusIs(StatusCode::kInvalidArgument, "SA-28"));
}
TEST_F(SlotChecks, SA28_RefuseASignerCountedTwice) {
  CommitCertificate certificate = Certified(survivors_);
  certificate.certificate.entries[1] = certificate.certificate.entries[0];
  EXPECT_THAT(Signed().OnCertificate(certificate), StatusIs(StatusCode::kInvalidArgument, "SA-28"));
}
TEST_F(SlotChecks, SA28_RefuseASignatureOverAnotherModel) {
  CommitCertificate certificate = Certified(survivors_);
  RoundStart other = stages_.Start(0, 1);
  other.model_hash[0] ^= 1;
  const Transcript statement = CommitStatement(ContextOf(other), survivors_);
  certificate.certificate.entries[2].signature =
      federation_.identity(3).signer->Sign(statement.bytes());
  EXPECT_THAT(Signed().OnCertificate(certificate), StatusIs(StatusCode::kUnauthenticated, "SA-28"));
}
TEST_F(SlotChecks, SA28_RefuseSignaturesOverOtherSurvivorsUnderOurSet) {
  CommitCertificate certificate = Certified(SetOf(5, {0, 1, 2, 4}));
  certificate.members = survivors_;
  EXPECT_THAT(Signed().OnCertificate(certificate), StatusIs(StatusCode::kUnauthenticated, "SA-28"));
}

// SA-29: of each member of V one share, of the kind that U asks for: four reveals rebuild b of
// survivors, s_sk of the rest.
TEST_F(SlotChecks, SA29_RevealSelfSharesOfSurvivorsAndMaskSharesOfTheRest) {
  const std::vector<RosterIndex> responders = survivors_.Indices();
  std::vector<Reveal> reveals;
  for (const RosterIndex i : responders) {
    Batch& batch = stages_.batches[i.value()];
    auto uploaded = batch.Accept(stages_.Start(0, 1)).value().OnInput(kValues);
    auto revealed = std::move(uploaded->next).OnCommit(Request(survivors_))->next;
    auto sent = std::move(revealed).OnCertificate(Certified(survivors_));
    ASSERT_OK(sent);
    EXPECT_EQ(sent->message.held, MemberSet::All(5));
    reveals.push_back(sent->message);
  }
  for (std::size_t dealer = 0; dealer < 5; ++dealer) {
    std::vector<const ByteArray<32>*> shares;
    for (const Reveal& reveal : reveals) shares.push_back(&reveal.shares[dealer]);
    const Secret<32> secret = Interpolation::Create(responders)->Combine(shares);
    const bool is_self_secret =
        SelfCommitment(0, secret.Expose()) == stages_.adverts[dealer].self_commitments[0];
    const bool is_mask_key = X25519Public(secret.Expose()) == stages_.adverts[dealer].mask_keys[0];
    EXPECT_EQ(is_self_secret, dealer != 4);
    EXPECT_EQ(is_mask_key, dealer == 4);
  }
}
TEST_F(SlotChecks, SA29_RefuseACertificateOfAnotherRound) {
  CommitCertificate certificate = Certified(survivors_);
  certificate.round = RoundId(2);
  EXPECT_THAT(Signed().OnCertificate(certificate), StatusIs(StatusCode::kInvalidArgument, "SA-29"));
}
TEST_F(SlotChecks, SA30_AlarmOnACertificateOverOtherSurvivors) {
  EXPECT_THAT(Signed().OnCertificate(Certified(SetOf(5, {0, 1, 2, 4}))),
              StatusIs(StatusCode::kDataLoss, "SA-30"));
  EXPECT_TRUE(federation_.session(0)->alarmed());
}
TEST_F(SlotChecks, SA30_RepeatTheRevealByteForByte) {
  auto sent = Signed().OnCertificate(Certified(survivors_));
  ASSERT_OK(sent);
  const auto again = sent->next.Repeat(Certified(survivors_));
  ASSERT_OK(again);
  EXPECT_EQ(*again, sent->message);
  EXPECT_THAT(sent->next.Repeat(Certified(SetOf(5, {0, 1, 2, 4}))),
              StatusIs(StatusCode::kDataLoss, "SA-30"));
}

TEST_F(SlotChecks, SA31_AHigherSlotErasesTheLowerOneWhateverItsPhase) {
  AwaitingCommit first = Uploaded();
  AwaitingInput second = Accepted(1, 2);
  EXPECT_THAT(std::move(first).OnCommit(Request(survivors_)),
              StatusIs(StatusCode::kFailedPrecondition, "SA-31"));
  EXPECT_OK(std::move(second).OnInput(kValues));
}
TEST_F(SlotChecks, SA31_ADiscardedPhaseDoesNotHinderTheNextSlot) {
  { AwaitingCommit abandoned = Uploaded(); }
  EXPECT_OK(victim().Accept(stages_.Start(1, 2)));
}
TEST_F(SlotChecks, SA31_ARefusalEndsTheSlotAndOnlyTheSlot) {
  AwaitingCertificate awaiting = Signed();
  CommitCertificate bad = Certified(survivors_);
  bad.certificate.entries.pop_back();
  EXPECT_FALSE(std::move(awaiting).OnCertificate(bad).ok());
  EXPECT_THAT(awaiting.Repeat(Request(survivors_)),
              StatusIs(StatusCode::kFailedPrecondition, "SA-31"));
  EXPECT_OK(victim().Accept(stages_.Start(1, 2)));
}
TEST_F(SlotChecks, SA31_ErasingTheBatchEndsEverything) {
  AwaitingInput awaiting = Accepted();
  victim().Erase();
  EXPECT_EQ(victim().remaining_slots(), 0u);
  EXPECT_THAT(std::move(awaiting).OnInput(kValues),
              StatusIs(StatusCode::kFailedPrecondition, "SA-31"));
}
TEST_F(SlotChecks, SA33_ARoundOfTheNewerBatchErasesTheOlder) {
  Stages newer(federation_);
  newer.Advertise(2);
  newer.Deal();
  newer.Report();
  newer.Sign();
  newer.Certify();
  AwaitingInput old_round = Accepted(0, 1);  // both batches are alive
  EXPECT_OK(newer.batches[0].Accept(newer.Start(0, 2)));
  EXPECT_THAT(std::move(old_round).OnInput(kValues),
              StatusIs(StatusCode::kFailedPrecondition, "SA-31"));
  EXPECT_THAT(victim().Accept(stages_.Start(1, 3)),
              StatusIs(StatusCode::kInvalidArgument, "SA-15"));
}
TEST_F(SlotChecks, SA33_AThirdBatchReplacesTheUnusedSecond) {
  Stages second(federation_);
  second.Advertise(2);
  second.Deal();
  Stages third(federation_);
  third.Advertise(3);
  third.Deal();
  EXPECT_THAT(std::move(second.awaiting_shares[0]).OnShares(second.DeliveryFor(0)),
              StatusIs(StatusCode::kFailedPrecondition, "SA-33"));
  EXPECT_OK(victim().Accept(stages_.Start(0, 1)));
}

}  // namespace
}  // namespace veilsum::secure_agg
