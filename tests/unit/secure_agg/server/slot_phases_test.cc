// Slots at the coordinator: uploads, certificates, reveals, and members that lie about shares
// (SA-20 to SA-23, SA-34).
#include "secure_agg/server/server_batch.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum::secure_agg {
namespace {

using absl::StatusCode;
const std::vector<Drop> kAll(5, Drop::kNever);

class ServerSlots : public testing::Test {
 protected:
  ServerSlots() : ready_(PrepareBatch(federation_, kAll).value()) {}
  static SlotRequest Request(std::uint16_t slot, std::uint64_t round) {
    SlotRequest request;
    request.slot = slot;
    request.round = RoundId(round);
    return request;
  }
  // Opens slot 0 and lets `uploaders` upload; everybody keeps the phase it is in.
  InputPhase Inputs(std::initializer_list<std::size_t> uploaders) {
    auto opened = ready_.server.OpenSlot(Request(0, 1)).value();
    for (const std::size_t i : uploaders) {
      auto sent = ready_.clients[i]
                      ->Accept(opened.message)
                      .value()
                      .OnInput(std::vector<std::int64_t>{10, -20, 30, 0, 7});
      EXPECT_OK(opened.next.Add(Index(i), *sent->message.words));
      waiting_.emplace_back(i, std::move(sent->next));
    }
    return std::move(opened.next);
  }
  CommitPhase Commits(std::initializer_list<std::size_t> uploaders) {
    auto frozen = Inputs(uploaders).Freeze().value();
    for (auto& [i, phase] : waiting_) {
      auto sent = std::move(phase).OnCommit(frozen.message).value();
      EXPECT_OK(frozen.next.Add(Index(i), sent.message));
      signed_.emplace_back(i, std::move(sent.next));
    }
    return std::move(frozen.next);
  }
  // The reveals of all uploaders, not yet added.
  UnmaskPhase Unmask(std::initializer_list<std::size_t> uploaders) {
    auto certified = Commits(uploaders).Close().value();
    for (auto& [i, phase] : signed_)
      reveals_.emplace_back(i, std::move(phase).OnCertificate(certified.message)->message);
    return std::move(certified.next);
  }
  Federation federation_{{.members = 5}};
  ReadyBatch ready_;
  std::vector<std::pair<std::size_t, AwaitingCommit>> waiting_;
  std::vector<std::pair<std::size_t, AwaitingCertificate>> signed_;
  std::vector<std::pair<std::size_t, Reveal>> reveals_;
};

TEST_F(ServerSlots, SlotsAndRoundsIncrease) {
  EXPECT_OK(ready_.server.OpenSlot(Request(0, 3)));
  EXPECT_THAT(ready_.server.OpenSlot(Request(0, 4)),
              StatusIs(StatusCode::kInvalidArgument, "slot is 0"));
  EXPECT_THAT(ready_.server.OpenSlot(Request(1, 3)),
              StatusIs(StatusCode::kInvalidArgument, "round 3"));
  EXPECT_THAT(ready_.server.OpenSlot(Request(2, 4)),
              StatusIs(StatusCode::kInvalidArgument, "slot is 2"));
  EXPECT_OK(ready_.server.OpenSlot(Request(1, 4)));
  EXPECT_EQ(ready_.server.remaining_slots(), 0u);
}
TEST_F(ServerSlots, SA20_UploadsHaveOneLengthAndComeOnce) {
  InputPhase inputs = Inputs({0});
  EXPECT_EQ(inputs.ExpectedBytes(), 20u);
  EXPECT_THAT(inputs.Add(Index(1), Bytes(19)), StatusIs(StatusCode::kInvalidArgument, "SA-20"));
  EXPECT_THAT(inputs.Add(Index(1), Bytes(21)), StatusIs(StatusCode::kInvalidArgument, "SA-20"));
  EXPECT_THAT(inputs.Add(Index(0), Bytes(20)), StatusIs(StatusCode::kAlreadyExists, "SA-20"));
  EXPECT_THAT(inputs.Add(Index(5), Bytes(20)), StatusIs(StatusCode::kPermissionDenied, "SA-20"));
  EXPECT_EQ(inputs.Missing(), SetOf(5, {1, 2, 3, 4}));
}
TEST_F(ServerSlots, SA23_TooFewUploadsFreezeNothing) {
  InputPhase inputs = Inputs({0, 1, 2});
  EXPECT_FALSE(inputs.CanFreeze());
  EXPECT_THAT(std::move(inputs).Freeze(), StatusIs(StatusCode::kFailedPrecondition, "SA-23"));
}
TEST_F(ServerSlots, CommitSignaturesAreVerified) {
  auto frozen = Inputs({0, 1, 2, 3}).Freeze().value();
  CommitSignature forged{RoundId(1), {}};
  EXPECT_THAT(frozen.next.Add(Index(0), forged),
              StatusIs(StatusCode::kUnauthenticated, "signer 0"));
  forged.round = RoundId(2);
  EXPECT_THAT(frozen.next.Add(Index(0), forged), StatusIs(StatusCode::kInvalidArgument, "round 2"));
  EXPECT_FALSE(frozen.next.CanClose());
  EXPECT_THAT(std::move(frozen.next).Close(),
              StatusIs(StatusCode::kFailedPrecondition, "0 commit signatures"));
}
TEST_F(ServerSlots, AMemberWithoutUploadMaySignAndReveal) {
  auto opened = ready_.server.OpenSlot(Request(0, 1)).value();
  std::vector<AwaitingCommit> waiting;
  for (std::size_t i = 0; i < 4; ++i) {
    auto sent = ready_.clients[i]
                    ->Accept(opened.message)
                    .value()
                    .OnInput(std::vector<std::int64_t>(5, 1))
                    .value();
    EXPECT_OK(opened.next.Add(Index(i), *sent.message.words));
    waiting.push_back(std::move(sent.next));
  }
  AwaitingInput idle = ready_.clients[4]->Accept(opened.message).value();
  auto frozen = std::move(opened.next).Freeze().value();
  std::vector<AwaitingCertificate> signed_phases;
  for (std::size_t i = 0; i < 3; ++i) {  // member 3 vanishes after its upload
    auto sent = std::move(waiting[i]).OnCommit(frozen.message).value();
    EXPECT_OK(frozen.next.Add(Index(i), sent.message));
    signed_phases.push_back(std::move(sent.next));
  }
  EXPECT_FALSE(frozen.next.CanClose());
  auto late = std::move(idle).OnCommit(frozen.message).value();
  EXPECT_OK(frozen.next.Add(Index(4), late.message));
  signed_phases.push_back(std::move(late.next));
  auto certified = std::move(frozen.next).Close().value();
  for (std::size_t i = 0; i < 4; ++i) {
    auto sent = std::move(signed_phases[i]).OnCertificate(certified.message).value();
    EXPECT_OK(certified.next.Add(Index(i < 3 ? i : 4), sent.message));
  }
  ASSERT_OK_AND_ASSIGN(const SlotSum sum, std::move(certified.next).Close());
  EXPECT_EQ(sum.values, std::vector<std::int64_t>(5, 4));
  EXPECT_EQ(sum.survivors, SetOf(5, {0, 1, 2, 3}));
}
TEST_F(ServerSlots, UnmaskingWaitsForEnoughReveals) {
  UnmaskPhase unmask = Unmask({0, 1, 2, 3});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_OK(unmask.Add(Index(i), reveals_[i].second));
  EXPECT_FALSE(unmask.CanClose());
  EXPECT_EQ(unmask.Missing(), SetOf(5, {3, 4}));
  EXPECT_OK(unmask.Add(Index(3), reveals_[3].second));
  EXPECT_TRUE(unmask.CanClose());
  ASSERT_OK_AND_ASSIGN(const SlotSum sum, std::move(unmask).Close());
  EXPECT_EQ(sum.values, (std::vector<std::int64_t>{40, -80, 120, 0, 28}));
}
TEST_F(ServerSlots, RevealsMayRepeatButNotChange) {
  UnmaskPhase unmask = Unmask({0, 1, 2, 3});
  EXPECT_OK(unmask.Add(Index(0), reveals_[0].second));
  EXPECT_OK(unmask.Add(Index(0), reveals_[0].second));
  EXPECT_THAT(unmask.Add(Index(0), reveals_[1].second),
              StatusIs(StatusCode::kAlreadyExists, "SA-30"));
  Reveal shorter = reveals_[1].second;
  shorter.shares.pop_back();
  EXPECT_THAT(unmask.Add(Index(1), shorter), StatusIs(StatusCode::kInvalidArgument, "shares"));
  Reveal other_round = reveals_[1].second;
  other_round.round = RoundId(2);
  EXPECT_THAT(unmask.Add(Index(1), other_round), StatusIs(StatusCode::kInvalidArgument, "round 2"));
}
TEST_F(ServerSlots, SA34_ASpareResponderReplacesEachPossibleLiar) {
  for (std::size_t liar = 0; liar < 5; ++liar) {
    Federation federation({.members = 5, .seed = liar + 10});
    ready_ = PrepareBatch(federation, kAll).value();
    waiting_.clear();
    signed_.clear();
    reveals_.clear();
    UnmaskPhase unmask = Unmask({0, 1, 2, 3, 4});
    for (auto& [i, reveal] : reveals_) {
      if (i == liar) reveal.shares[2][7] ^= 0x10;
      EXPECT_OK(unmask.Add(Index(i), reveal));
    }
    ASSERT_OK_AND_ASSIGN(const SlotSum sum, std::move(unmask).Close());
    EXPECT_EQ(sum.values, (std::vector<std::int64_t>{50, -100, 150, 0, 35}));
    // The fifth is only asked when one of the first four lied.
    EXPECT_EQ(sum.liars, liar < 4 ? std::vector{Index(liar)} : std::vector<RosterIndex>{});
  }
}
TEST_F(ServerSlots, SA34_WithoutASpareTheDealerIsNamed) {
  UnmaskPhase unmask = Unmask({0, 1, 2, 3});
  for (auto& [i, reveal] : reveals_) {
    if (i == 1) reveal.shares[4][0] ^= 1;  // of the mask key of the member that dropped
    EXPECT_OK(unmask.Add(Index(i), reveal));
  }
  EXPECT_THAT(std::move(unmask).Close(),
              StatusIs(StatusCode::kAborted, "SA-34: the secret of dealer 4"));
}
TEST_F(ServerSlots, SA34_TwoLiarsAbortTheSlot) {
  UnmaskPhase unmask = Unmask({0, 1, 2, 3, 4});
  for (auto& [i, reveal] : reveals_) {
    if (i <= 1) reveal.shares[3][0] ^= 1 + static_cast<std::uint8_t>(i);
    EXPECT_OK(unmask.Add(Index(i), reveal));
  }
  EXPECT_THAT(std::move(unmask).Close(),
              StatusIs(StatusCode::kAborted, "SA-34: the secret of dealer 3"));
}

// Two of seven are gone after the setup: the stream between them is in no upload. Were it taken off
// as well, or a b of theirs asked for and used, the sum would be noise.
TEST(ServerSlotsOfSeven, SA36_EdgesBetweenAbsentMembersAreNeverExpanded) {
  Federation federation({.members = 7});
  ASSERT_OK_AND_ASSIGN(ReadyBatch ready, PrepareBatch(federation, std::vector(7, Drop::kNever)));
  std::vector<Drop> drops(7, Drop::kNever);
  drops[1] = drops[4] = Drop::kBeforeUpload;
  ASSERT_OK_AND_ASSIGN(
      const SlotSum sum,
      RunSlot(ready, {}, secure_agg::Inputs(7, std::vector<std::int64_t>(5, 3)), drops));
  EXPECT_EQ(sum.survivors, SetOf(7, {0, 2, 3, 5, 6}));
  EXPECT_EQ(sum.values, std::vector<std::int64_t>(5, 15));
}

}  // namespace
}  // namespace veilsum::secure_agg
