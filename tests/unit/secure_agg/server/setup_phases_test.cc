// Setup at the coordinator: what members may get wrong, and what a driver with deadlines can ask.
#include "secure_agg/server/key_phase.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum::secure_agg {
namespace {

using absl::StatusCode;

class ServerSetup : public testing::Test {
 protected:
  ServerSetup()
      : stages_(federation_),
        keys_(federation_.params(), {stages_session(), 1}, federation_.verifier()) {
    stages_.Advertise();
  }
  SessionId stages_session() { return federation_.Offer(1).session; }
  absl::Status Add(std::size_t member) {
    return keys_.Add(federation_.identity(member).uri, stages_.adverts[member]);
  }
  SharePhase Shares() {
    for (std::size_t i = 0; i < 5; ++i) EXPECT_OK(Add(i));
    stages_.Deal();
    return std::move(keys_).Close().value().next;
  }
  ReportPhase Reports() {
    SharePhase shares = Shares();
    for (std::size_t i = 0; i < 5; ++i) EXPECT_OK(shares.Add(Index(i), stages_.uploads[i]));
    return std::move(shares).Close().value();
  }
  Federation federation_{{.members = 5}};
  Stages stages_;
  KeyPhase keys_;
};

TEST_F(ServerSetup, KeysCloseOnceTheRosterIsLawful) {
  EXPECT_OK(Add(0));
  EXPECT_OK(Add(1));
  EXPECT_FALSE(keys_.CanClose());
  EXPECT_EQ(keys_.Missing().size(), 3u);
  EXPECT_OK(Add(2));
  EXPECT_TRUE(keys_.CanClose());
  ASSERT_OK_AND_ASSIGN(auto sent, std::move(keys_).Close());
  EXPECT_EQ(sent.message.adverts.size(), 3u);
  EXPECT_EQ(sent.next.roster().thresholds().quorum, 3);
}
TEST_F(ServerSetup, SA38_RefusesTheAdvertOfAnotherSeat) {
  EXPECT_THAT(keys_.Add(federation_.identity(0).uri, stages_.adverts[1]),
              StatusIs(StatusCode::kPermissionDenied, "SA-38"));
  EXPECT_THAT(keys_.Add("spiffe://test/tenant/x/client/y", stages_.adverts[1]),
              StatusIs(StatusCode::kPermissionDenied, "SA-01"));
}
TEST_F(ServerSetup, SA04_RefusesAChangedAdvert) {
  stages_.adverts[0].mask_keys[0][0] ^= 1;
  EXPECT_THAT(Add(0), StatusIs(StatusCode::kUnauthenticated, "SA-04"));
}
// A verifier whose operator has revoked one seat's certificate.
class RevokingVerifier final : public SeatVerifier {
 public:
  RevokingVerifier(const SeatVerifier& inner, std::string revoked)
      : inner_(inner), revoked_(std::move(revoked)) {}
  absl::StatusOr<SeatIdentity> Verify(ByteView der, const Hash32& fingerprint) const override {
    VEILSUM_ASSIGN_OR_RETURN(SeatIdentity seat, inner_.Verify(der, fingerprint));
    if (seat.uri == revoked_) return Unauthenticated("SA-01: the certificate is revoked");
    return seat;
  }

 private:
  const SeatVerifier& inner_;
  const std::string revoked_;
};

TEST_F(ServerSetup, SA01_ARevokedMemberIsInNoNextRosterAndNoClientTakesOneWithIt) {
  const RevokingVerifier revoking(federation_.verifier(), federation_.identity(3).uri);
  KeyPhase keys(federation_.params(), {stages_session(), 1}, revoking);
  for (const std::size_t i : {0, 1, 2, 4})
    EXPECT_OK(keys.Add(federation_.identity(i).uri, stages_.adverts[i]));
  EXPECT_THAT(keys.Add(federation_.identity(3).uri, stages_.adverts[3]),
              StatusIs(StatusCode::kUnauthenticated, "SA-01"));
  ASSERT_OK_AND_ASSIGN(auto sent, std::move(keys).Close());
  EXPECT_EQ(sent.message.adverts.size(), 4u);
  EXPECT_FALSE(sent.next.roster().IndexOf(federation_.identity(3).uri).has_value());
  EXPECT_THAT(std::move(stages_.advertised[0])
                  .OnRoster(stages_.HonestRoster(), revoking, federation_.rng()),
              StatusIs(StatusCode::kUnauthenticated, "SA-01"));
}
TEST_F(ServerSetup, ALaterAdvertOfARestartedMemberReplacesTheFirst) {
  EXPECT_OK(Add(0));
  auto restarted =
      ClientSession::Create(*federation_.params(), federation_.identity(0), RoundId(0));
  auto again = BatchAdvertised::Start(*restarted, federation_.Offer(1), federation_.rng());
  ASSERT_OK(again);
  EXPECT_OK(keys_.Add(federation_.identity(0).uri, again->message));
  EXPECT_EQ(keys_.size(), 1u);
}
TEST_F(ServerSetup, SA08_SharesMayRepeatButNotChange) {
  SharePhase shares = Shares();
  EXPECT_OK(shares.Add(Index(0), stages_.uploads[0]));
  EXPECT_OK(shares.Add(Index(0), stages_.uploads[0]));
  ShareUpload other = stages_.uploads[0];
  other.boxes[0].box[0] ^= 1;
  EXPECT_THAT(shares.Add(Index(0), other), StatusIs(StatusCode::kAlreadyExists, "SA-08"));
  EXPECT_EQ(shares.Missing(), SetOf(5, {1, 2, 3, 4}));
  EXPECT_FALSE(shares.CanClose());
  EXPECT_THAT(std::move(shares).Close(), StatusIs(StatusCode::kFailedPrecondition, "1 members"));
}
TEST_F(ServerSetup, SharesMustNameEveryOtherMember) {
  SharePhase shares = Shares();
  ShareUpload upload = stages_.uploads[0];
  upload.boxes[0].peer = Index(0);
  EXPECT_THAT(shares.Add(Index(0), upload), StatusIs(StatusCode::kInvalidArgument, "recipient 0"));
  upload.boxes.pop_back();
  EXPECT_THAT(shares.Add(Index(0), upload), StatusIs(StatusCode::kInvalidArgument, "boxes"));
}
TEST_F(ServerSetup, SA14_AFailedPairDropsBothInAscendingOrder) {
  ReportPhase reports = Reports();
  EXPECT_EQ(reports.DeliveryFor(Index(2)).boxes, stages_.DeliveryFor(2).boxes);
  // 1 does not hold 0's bundle; 2 does not hold 1's: the first pair is dropped, the second then has
  // nobody left to blame.
  EXPECT_OK(reports.Add(Index(1), {SetOf(5, {1, 2, 3, 4})}));
  EXPECT_OK(reports.Add(Index(2), {SetOf(5, {0, 2, 3, 4})}));
  for (const std::size_t i : {0u, 3u, 4u}) EXPECT_OK(reports.Add(Index(i), {MemberSet::All(5)}));
  EXPECT_EQ(reports.Candidate(), SetOf(5, {2, 3, 4}));
  EXPECT_FALSE(reports.CanClose());  // q = 4
  EXPECT_THAT(std::move(reports).Close(), StatusIs(StatusCode::kFailedPrecondition, "SA-14"));
}
TEST_F(ServerSetup, AMemberThatDoesNotReportIsLeftOut) {
  ReportPhase reports = Reports();
  for (const std::size_t i : {0u, 1u, 2u, 3u})
    EXPECT_OK(reports.Add(Index(i), {MemberSet::All(5)}));
  EXPECT_EQ(reports.Missing(), SetOf(5, {4}));
  ASSERT_OK_AND_ASSIGN(auto sent, std::move(reports).Close());
  EXPECT_EQ(sent.message.members, SetOf(5, {0, 1, 2, 3}));
}
TEST_F(ServerSetup, SetupSignaturesAreVerified) {
  ReportPhase reports = Reports();
  for (std::size_t i = 0; i < 5; ++i) EXPECT_OK(reports.Add(Index(i), {MemberSet::All(5)}));
  SetupPhase setup = std::move(reports).Close().value().next;
  stages_.Report();
  stages_.Sign();
  EXPECT_THAT(setup.Add(Index(0), stages_.signatures[1]),
              StatusIs(StatusCode::kUnauthenticated, "signer 0"));
  EXPECT_THAT(setup.Add(Index(9), stages_.signatures[1]),
              StatusIs(StatusCode::kPermissionDenied, "signer 9"));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_OK(setup.Add(Index(i), stages_.signatures[i]));
  EXPECT_FALSE(setup.CanClose());
  EXPECT_OK(setup.Add(Index(3), stages_.signatures[3]));
  EXPECT_TRUE(setup.CanClose());
  EXPECT_EQ(setup.Missing(), SetOf(5, {4}));
  ASSERT_OK_AND_ASSIGN(auto sent, std::move(setup).Close());
  EXPECT_EQ(sent.message.entries.size(), 4u);
  EXPECT_EQ(sent.next.remaining_slots(), 2u);
}

}  // namespace
}  // namespace veilsum::secure_agg
