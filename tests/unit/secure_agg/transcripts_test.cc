// Normative byte layouts, spelled out by hand against the builders.
#include "secure_agg/transcripts.h"

#include "base/crypto/hkdf.h"
#include "base/crypto/sha256.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum::secure_agg {
namespace {

using namespace std::string_literals;

std::string Fill(std::size_t size, char value) { return std::string(size, value); }
Hash32 HashOf(char value) {
  Hash32 hash;
  hash.fill(static_cast<std::uint8_t>(value));
  return hash;
}
const SlotContext kContext{HashOf('S'), 0x0102, RoundId(0x0304), HashOf('M'), HashOf('T')};
const std::string kContextTail = Fill(32, 'M') + Fill(32, 'T');

TEST(Transcripts, MemberId) {
  EXPECT_EQ(MemberIdOf("spiffe://d/tenant/acme/client/eu").value(),
            Sha256("fsa/v1/member\0acme/eu"s));
}

TEST(Transcripts, SetHashAndSelfCommitment) {
  EXPECT_EQ(SetOf(10, {0, 9}).SetHash(), Sha256("fsa/v1/set\0\x0a\0\x01\x02"s));
  const Hash32 b = HashOf('b');
  EXPECT_EQ(SelfCommitment(3, b), Sha256("fsa/v1/b\0\x03\0"s + Fill(32, 'b')));
}

TEST(Transcripts, SumsHash) {
  EXPECT_EQ(
      SumsHash({{RingBits::k16, 5}, {RingBits::k64, 258}}),
      Sha256("fsa/v1/sums\0\x02\0"s + "\x10\x05\0\0\0\0\0\0\0"s + "\x40\x02\x01\0\0\0\0\0\0"s));
}

TEST(Transcripts, SetupStatementAndHash) {
  const MemberSet v = SetOf(4, {0, 1, 2});
  const std::string tail = Fill(32, 'R') + std::string(AsText(v.SetHash()));
  EXPECT_EQ(AsText(SetupStatement(HashOf('R'), v).bytes()), "fsa/v1/setup\0"s + tail);
  EXPECT_EQ(SetupHash(HashOf('R'), v), Sha256("fsa/v1/setuphash\0"s + tail));
}

TEST(Transcripts, StepHash) {
  RoundStart start;
  start.sum = 1;
  start.round = RoundId(7);
  start.step = 6;
  start.step_config = {'{', '}'};
  EXPECT_EQ(StepHash(start), Sha256("fsa/v1/step\0\x01\0\x07\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0{}"s));
}

TEST(Transcripts, CommitStatement) {
  const MemberSet u = SetOf(4, {0, 1, 2});
  EXPECT_EQ(AsText(CommitStatement(kContext, u).bytes()),
            "fsa/v1/commit\0"s + Fill(32, 'S') + "\x02\x01\x04\x03\0\0\0\0\0\0"s + kContextTail +
                std::string(AsText(u.SetHash())));
}

TEST(Transcripts, SeedsUseTheirOwnLabelsAndSortedIndices) {
  ByteArray<32> bytes = HashOf('x');
  const Secret<32> agreed{std::span<std::uint8_t, 32>(bytes)};
  const Hash32 salt = HashOf('S');
  const std::string pair = "fsa/v1/pair\0\x02\x01\x04\x03\0\0\0\0\0\0\x01\0\x05\0"s + kContextTail;
  EXPECT_TRUE(PairSeed(kContext, agreed, Index(5), Index(1))
                  .Equals(Hkdf(HashOf('x'), salt, AsBytes(pair))));
  EXPECT_TRUE(PairSeed(kContext, agreed, Index(1), Index(5))
                  .Equals(Hkdf(HashOf('x'), salt, AsBytes(pair))));
  const std::string self = "fsa/v1/self\0\x02\x01\x04\x03\0\0\0\0\0\0\x05\0"s + kContextTail;
  EXPECT_TRUE(
      SelfSeed(kContext, HashOf('b'), Index(5)).Equals(Hkdf(HashOf('b'), salt, AsBytes(self))));
  const std::string chan = "fsa/v1/chan\0\x02\0\x01\0"s;
  EXPECT_TRUE(
      ChannelKey(agreed, salt, Index(2), Index(1)).Equals(Hkdf(HashOf('x'), salt, AsBytes(chan))));
  EXPECT_EQ(AsText(ShareBoxContext(salt, Index(2), Index(1)).bytes()),
            "fsa/v1/shares\0"s + Fill(32, 'S') + "\x02\0\x01\0"s);
}

TEST(Transcripts, AdvertAndRoster) {
  Federation federation({.members = 3, .slots = 1});
  Stages stages(federation);
  stages.Advertise();
  const auto text = [](ByteView bytes) { return std::string(AsText(bytes)); };
  std::string roster = "fsa/v1/roster\0"s + Fill(16, 3) + "\x01\0\0\0"s + Fill(32, 7) +
                       "\x03\0\x01\0\x03\0\x03\0"s + text(SumsHash(federation.params()->sums())) +
                       "\x01\0"s;
  for (const Advert& a : stages.adverts) {
    const std::string statement = "fsa/v1/advert\0"s + Fill(16, 3) + "\x01\0\0\0"s + Fill(32, 7) +
                                  text(a.member_id) + text(a.certificate_fingerprint) + "\x01\0"s +
                                  text(a.channel_key) + text(a.mask_keys[0]) +
                                  text(a.self_commitments[0]);
    EXPECT_EQ(AsText(AdvertStatement(a).bytes()), statement);
    roster += text(a.member_id) + text(a.certificate_fingerprint) + text(Sha256(statement));
  }
  const auto verified =
      VerifiedRoster::Verify(stages.HonestRoster(), *federation.params(),
                             {stages.adverts[0].session, 1}, federation.verifier());
  ASSERT_OK(verified);
  EXPECT_EQ(verified->hash(), Sha256(roster));
}

}  // namespace
}  // namespace veilsum::secure_agg
