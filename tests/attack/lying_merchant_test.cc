// Merchants that lie to an honest coordinator: SA-04, SA-06, SA-08, SA-14, SA-20, SA-21, SA-30,
// SA-34 to SA-38. Privacy never hangs on these; that the sum is exact or absent, and who is to
// blame, does.
#include <cstdlib>

#include "secure_agg/arith/ring.h"
#include "secure_agg/arith/shamir.h"
#include "secure_agg/crypto/key_agreement.h"
#include "secure_agg/crypto/mask_stream.h"
#include "secure_agg/server/server_batch.h"
#include "secure_agg/transcripts.h"
#include "secure_agg/wire/advert_codec.h"
#include "secure_agg/wire/round_codec.h"
#include "secure_agg/wire/share_codec.h"
#include "secure_agg/wire/upload_codec.h"
#include "tests/attack/wire_world.h"

namespace veilsum::attack {
namespace {

using absl::StatusCode;
using namespace secure_agg;  // NOLINT: the server's phases, all over

// An honest coordinator that reads the wire of five members, the liar among them.
class LyingMerchant : public testing::Test {
 protected:
  LyingMerchant()
      : keys_(world_.federation().params(), {world_.federation().Offer(1).session, 1},
              world_.federation().verifier()) {
    world_.Advertise();
  }
  const std::string& Uri(std::size_t i) { return world_.federation().identity(i).uri; }
  absl::Status Advertise(std::size_t i, const pb::Advert& wire) {
    VEILSUM_ASSIGN_OR_RETURN(Advert advert, ParseAdvert(Relay(wire), 4));
    return keys_.Add(Uri(i), std::move(advert));
  }
  SharePhase Shares() {
    for (std::size_t i = 0; i < 5; ++i) EXPECT_OK(Advertise(i, world_.adverts[i]));
    world_.Deal();
    return std::move(keys_).Close().value().next;
  }
  absl::Status Deal(SharePhase& phase, std::size_t i, const pb::ShareUpload& wire) {
    VEILSUM_ASSIGN_OR_RETURN(ShareUpload upload, ParseShareUpload(Relay(wire), limits_));
    return phase.Add(Index(i), std::move(upload));
  }
  ReportPhase Reports() {
    SharePhase phase = Shares();
    for (std::size_t i = 0; i < 5; ++i) EXPECT_OK(Deal(phase, i, world_.shares[i]));
    return std::move(phase).Close().value();
  }
  absl::Status Report(ReportPhase& phase, std::size_t i, const MemberSet& held) {
    VEILSUM_ASSIGN_OR_RETURN(const ShareReport report,
                             ParseShareReport(Relay(EncodeShareReport({held})), limits_));
    return phase.Add(Index(i), report);
  }
  ServerBatch Batch() {
    ReportPhase phase = Reports();
    world_.Report();
    for (std::size_t i = 0; i < 5; ++i) EXPECT_OK(Report(phase, i, MemberSet::All(5)));
    SetupPhase signing = std::move(phase).Close().value().next;
    world_.Sign();
    for (std::size_t i = 0; i < 5; ++i) {
      SetupSignature signature;
      signature.signature =
          ParseFixed<64>("signature", AsBytes(world_.setup_signatures[i].signature())).value();
      EXPECT_OK(signing.Add(Index(i), signature));
    }
    world_.Certify();
    return std::move(signing).Close().value().next;
  }
  InputPhase Inputs() {
    ServerBatch batch = Batch();
    SlotRequest request;
    request.round = RoundId(1);
    auto opened = batch.OpenSlot(request).value();
    start_ = EncodeRoundStart(opened.message);
    return std::move(opened.next);
  }
  CommitPhase Commits(std::size_t uploaders) {
    InputPhase inputs = Inputs();
    for (std::size_t i = 0; i < uploaders; ++i)
      EXPECT_OK(inputs.Add(Index(i), world_.Upload(i, start_)));
    return std::move(inputs).Freeze().value().next;
  }
  // Everybody but the liar's changes is honest; the reveals by sender.
  UnmaskPhase Unmask(std::size_t uploaders, std::vector<pb::Reveal>& reveals) {
    CommitPhase commits = Commits(uploaders);
    for (std::size_t i = 0; i < uploaders; ++i) {
      const auto reply = world_.Commit(i, 1, commits.survivors());
      EXPECT_OK(commits.Add(Index(i), ParseCommitSignature(reply->commit_signature()).value()));
    }
    auto certified = std::move(commits).Close().value();
    for (std::size_t i = 0; i < uploaders; ++i)
      reveals.push_back(
          world_.Certificate(i, EncodeCommitCertificate(certified.message))->reveal());
    return std::move(certified.next);
  }
  absl::Status Reveal(UnmaskPhase& phase, std::size_t i, const pb::Reveal& wire) {
    VEILSUM_ASSIGN_OR_RETURN(secure_agg::Reveal reveal, ParseReveal(Relay(wire), limits_));
    return phase.Add(Index(i), std::move(reveal));
  }
  WireWorld world_{{.members = 5, .slots = 4}};
  KeyPhase keys_;
  WireLimits limits_{5, 4};
  pb::RoundStart start_;
};

TEST_F(LyingMerchant, SA38_AnAdvertInSomebodyElsesName) {
  EXPECT_THAT(Advertise(0, world_.adverts[1]), StatusIs(StatusCode::kPermissionDenied, "SA-38"));
}
TEST_F(LyingMerchant, SA04_AnAdvertThatIsNotSigned) {
  world_.adverts[1].mutable_signature()->at(5) ^= 1;
  EXPECT_THAT(Advertise(1, world_.adverts[1]), StatusIs(StatusCode::kUnauthenticated, "SA-04"));
}
// A member that copies a key would otherwise make every honest client refuse the whole roster.
TEST_F(LyingMerchant, SA06_ACopiedKeyCostsOnlyTheCopier) {
  EXPECT_OK(Advertise(0, world_.adverts[0]));
  pb::Roster roster = world_.HonestRoster();
  roster.mutable_adverts(1)->set_mask_keys(2, world_.adverts[0].channel_key());
  world_.ResignAdvert(roster, 1);
  EXPECT_THAT(Advertise(1, roster.adverts(1)), StatusIs(StatusCode::kInvalidArgument, "SA-06"));
  EXPECT_EQ(keys_.size(), 1u);
}
TEST_F(LyingMerchant, SA08_DealingASecondTime) {
  SharePhase phase = Shares();
  EXPECT_OK(Deal(phase, 0, world_.shares[0]));
  EXPECT_OK(Deal(phase, 0, world_.shares[0]));
  pb::ShareUpload other = world_.shares[0];
  other.mutable_boxes(1)->mutable_box()->at(0) ^= 1;
  EXPECT_THAT(Deal(phase, 0, other), StatusIs(StatusCode::kAlreadyExists, "SA-08"));
}
TEST_F(LyingMerchant, SA37_BoxesForFewerMembers) {
  SharePhase phase = Shares();
  world_.shares[0].mutable_boxes()->RemoveLast();
  EXPECT_THAT(Deal(phase, 0, world_.shares[0]), StatusIs(StatusCode::kInvalidArgument, "SA-37"));
}
// SA-14: one that claims not to hold a box goes together with the one it accuses, nobody else.
TEST_F(LyingMerchant, SA14_AFalseAccusationCostsTheAccuserToo) {
  ReportPhase phase = Reports();
  EXPECT_OK(Report(phase, 4, SetOf(5, {0, 4})));  // accuses 1, 2 and 3
  for (std::size_t i = 0; i < 4; ++i) EXPECT_OK(Report(phase, i, MemberSet::All(5)));
  EXPECT_EQ(phase.Candidate(), SetOf(5, {0, 2, 3}));
}
TEST_F(LyingMerchant, SA20_AnUploadOfAnotherLengthOrTwice) {
  InputPhase inputs = Inputs();
  const Bytes words = world_.Upload(0, start_);
  EXPECT_OK(inputs.Add(Index(0), words));
  EXPECT_THAT(inputs.Add(Index(0), words), StatusIs(StatusCode::kAlreadyExists, "SA-20"));
  EXPECT_THAT(inputs.Add(Index(1), Bytes(words.size() - 1)),
              StatusIs(StatusCode::kInvalidArgument, "SA-20"));
  EXPECT_THAT(inputs.Add(Index(200), words), StatusIs(StatusCode::kPermissionDenied, "SA-20"));
}
TEST_F(LyingMerchant, SA20_FramesBeyondTheVector) {
  UploadAssembly assembly(20);
  pb::UploadFrame frame;
  frame.set_round(1);
  frame.set_words(std::string(16, 'a'));
  EXPECT_OK(assembly.Add(frame));
  frame.clear_round();
  EXPECT_THAT(assembly.Add(frame), StatusIs(StatusCode::kInvalidArgument, "SA-20"));
  frame.set_words("");
  EXPECT_THAT(assembly.Add(frame), StatusIs(StatusCode::kInvalidArgument, "SA-37"));
  EXPECT_THAT(std::move(assembly).Take(), StatusIs(StatusCode::kInvalidArgument, "SA-20"));
}
TEST_F(LyingMerchant, ForgedSignaturesDoNotMakeAQuorum) {
  CommitPhase commits = Commits(4);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto reply = world_.Commit(i, 1, commits.survivors());
    ASSERT_OK(reply);
    EXPECT_OK(commits.Add(Index(i), ParseCommitSignature(reply->commit_signature()).value()));
    EXPECT_THAT(commits.Add(Index(4), ParseCommitSignature(reply->commit_signature()).value()),
                StatusIs(StatusCode::kUnauthenticated, "signer 4"));
  }
  EXPECT_FALSE(commits.CanClose());
}
TEST_F(LyingMerchant, SA30_ASecondReveal) {
  std::vector<pb::Reveal> reveals;
  UnmaskPhase unmask = Unmask(5, reveals);
  EXPECT_OK(Reveal(unmask, 0, reveals[0]));
  EXPECT_OK(Reveal(unmask, 0, reveals[0]));
  EXPECT_THAT(Reveal(unmask, 0, reveals[1]), StatusIs(StatusCode::kAlreadyExists, "SA-30"));
}
TEST_F(LyingMerchant, SA34_OneWrongShareOfEachDealerIsReplacedAndItsSenderNamed) {
  std::vector<pb::Reveal> reveals;
  UnmaskPhase unmask = Unmask(5, reveals);
  for (int dealer = 0; dealer < 5; ++dealer) reveals[2].mutable_shares(dealer)->at(9) ^= 4;
  for (std::size_t i = 0; i < 5; ++i) EXPECT_OK(Reveal(unmask, i, reveals[i]));
  ASSERT_OK_AND_ASSIGN(const SlotSum sum, std::move(unmask).Close());
  EXPECT_EQ(sum.values, (std::vector<std::int64_t>{5, -10, 15, -20, 25}));
  EXPECT_EQ(sum.liars, std::vector{Index(2)});
}
TEST_F(LyingMerchant, SA34_WithoutASpareTheSumIsAbsentNotWrong) {
  std::vector<pb::Reveal> reveals;
  UnmaskPhase unmask = Unmask(4, reveals);
  reveals[2].mutable_shares(4)->at(9) ^= 4;  // of the mask key of the member that did not upload
  for (std::size_t i = 0; i < 4; ++i) EXPECT_OK(Reveal(unmask, i, reveals[i]));
  EXPECT_THAT(std::move(unmask).Close(),
              StatusIs(StatusCode::kAborted, "SA-34: the secret of dealer 4"));
}
// SA-34: a dealer whose boxes hold something else than what it committed to spoils its own slot,
// and is named, however many honest shares there are.
TEST_F(LyingMerchant, SA34_ADealerThatDealtSomethingElseIsNamed) {
  std::vector<pb::Reveal> reveals;
  UnmaskPhase unmask = Unmask(5, reveals);
  for (std::size_t i = 0; i < 5; ++i) {
    reveals[i].set_shares(3, std::string(32, static_cast<char>(i)));
    EXPECT_OK(Reveal(unmask, i, reveals[i]));
  }
  EXPECT_THAT(std::move(unmask).Close(),
              StatusIs(StatusCode::kAborted, "SA-34: the secret of dealer 3"));
}
TEST_F(LyingMerchant, SA37_SharesThatItsBitmapDoesNotCount) {
  std::vector<pb::Reveal> reveals;
  UnmaskPhase unmask = Unmask(5, reveals);
  pb::Reveal fewer = reveals[0];
  fewer.mutable_shares()->RemoveLast();
  EXPECT_THAT(Reveal(unmask, 0, fewer), StatusIs(StatusCode::kInvalidArgument, "SA-37"));
  pb::Reveal shorter = reveals[0];
  shorter.mutable_shares(0)->pop_back();
  EXPECT_THAT(Reveal(unmask, 0, shorter), StatusIs(StatusCode::kInvalidArgument, "SA-37"));
}

// The attack table's rows that no single refusal stands for.

// A late upload of a member that U leaves out: the coordinator gets the member's mask key and can
// take all pair streams off; the own stream stays, and nobody reveals its seed.
TEST_F(LyingMerchant, TableLateUploadStaysMasked) {
  InputPhase inputs = Inputs();
  std::vector<Bytes> words;
  for (std::size_t i = 0; i < 5; ++i) words.push_back(world_.Upload(i, start_));
  for (std::size_t i = 0; i < 4; ++i) EXPECT_OK(inputs.Add(Index(i), words[i]));
  auto frozen = std::move(inputs).Freeze().value();
  std::vector<RosterIndex> responders;
  std::vector<pb::Reveal> reveals;
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_OK(world_.Commit(i, 1, frozen.message.members));
    const auto reply =
        world_.Certificate(i, world_.CertificateOver(start_, frozen.message.members, {0, 1, 2, 3}));
    ASSERT_OK(reply);
    responders.push_back(Index(i));
    reveals.push_back(reply->reveal());
  }
  std::vector<ByteArray<32>> shares;
  std::vector<const ByteArray<32>*> pointers;
  for (const pb::Reveal& reveal : reveals)
    shares.push_back(ParseFixed<32>("share", AsBytes(reveal.shares(4))).value());
  for (const auto& share : shares) pointers.push_back(&share);
  const Secret<32> mask_key = Interpolation::Create(responders).value().Combine(pointers);
  ASSERT_EQ(Text(X25519Public(mask_key.Expose())), world_.adverts[4].mask_keys(0));
  const SlotContext context = ContextOf(ParseRoundStart(start_, limits_).value());
  std::vector<MaskTerm> terms;  // takes off what member 4 put on with each of the others
  for (std::size_t j = 0; j < 4; ++j) {
    const auto key = ParseFixed<32>("key", AsBytes(world_.adverts[j].mask_keys(0))).value();
    terms.push_back(
        {PairSeed(context, X25519Agree(mask_key.Expose(), key).value(), Index(4), Index(j)),
         MaskSign::kSubtract});
  }
  ApplyMasks(RingBits::k32, terms, words[4]);
  EXPECT_NE(DecodeCentred(RingBits::k32, words[4]), kInput);
}
// Masks of two rounds share nothing: equal inputs give uploads whose difference is no small vector.
TEST_F(LyingMerchant, TableReplayNoStreamIsUsedTwice) {
  Inputs();
  const Bytes first = world_.Upload(0, start_);
  Bytes second = world_.Upload(0, world_.StartOf(1, 2));
  SubtractWords(RingBits::k32, second, first);
  for (const std::int64_t value : DecodeCentred(RingBits::k32, second))
    EXPECT_GT(std::abs(value), 1000);
}
// Model inconsistency (two views of the model in one round): those of the other view sign another
// statement, so no certificate comes about, and nothing is unmasked.
TEST_F(LyingMerchant, TableTwoViewsOfTheModelGiveNoCertificate) {
  InputPhase inputs = Inputs();
  pb::RoundStart other = start_;
  other.mutable_model_hash()->at(0) ^= 1;
  for (std::size_t i = 0; i < 5; ++i)
    EXPECT_OK(inputs.Add(Index(i), world_.Upload(i, i < 3 ? start_ : other)));
  auto frozen = std::move(inputs).Freeze().value();
  for (std::size_t i = 0; i < 5; ++i) {
    const auto reply = world_.Commit(i, 1, MemberSet::All(5));
    ASSERT_OK(reply);
    EXPECT_EQ(
        frozen.next.Add(Index(i), ParseCommitSignature(reply->commit_signature()).value()).ok(),
        i < 3);
  }
  EXPECT_FALSE(frozen.next.CanClose());
}
// Sparse graphs, their grinding and their cuts: there is none to attack (SA-44).
TEST(AttackTable, SA44_AbovePointsOfTheFieldThereIsNoRoster) {
  ContractTerms terms;
  terms.colluders = 10;
  terms.sums = {{RingBits::k32, 1}};
  for (int i = 0; i < 256; ++i)
    terms.members.push_back("spiffe://test/tenant/m" + std::to_string(i) + "/client/a");
  const SessionParams params = SessionParams::Create(std::move(terms)).value();
  EXPECT_OK(Thresholds::Create(255, params));
  EXPECT_THAT(Thresholds::Create(256, params), StatusIs(StatusCode::kInvalidArgument, "SA-44"));
}

}  // namespace
}  // namespace veilsum::attack
