// A17, exhaustively for three to five members: a set of survivors below U_min is never opened, and
// of one upload two sets never are, whoever is shown what. The coordinator here is a liar that
// holds the signing keys of C members.
#include "secure_agg/client/slot.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum::secure_agg {
namespace {

struct Roster {
  std::size_t members;
  std::uint16_t colluders, min_survivors;
  std::size_t quorum() const { return (members + colluders) / 2 + 1; }
  std::size_t floor() const { return std::max<std::size_t>(quorum(), min_survivors); }
};

std::vector<Roster> SmallRosters() {
  std::vector<Roster> rosters;
  for (std::size_t n = 3; n <= 5; ++n)
    for (std::uint16_t colluders = 1; colluders + 2u <= n; ++colluders) {
      const Roster least{n, colluders, 0};
      if (least.quorum() > n) continue;
      for (std::size_t u = least.quorum(); u <= n; ++u)
        rosters.push_back({n, colluders, static_cast<std::uint16_t>(u)});
    }
  return rosters;
}

MemberSet SetOfBits(std::size_t n, unsigned bits) {
  MemberSet set(n);
  for (std::size_t i = 0; i < n; ++i)
    if (bits >> i & 1) set.Insert(Index(i));
  return set;
}

// A certified batch of all members that is renewed when its slots are used up.
class Batches {
 public:
  explicit Batches(const Roster& roster)
      : federation_({.members = roster.members,
                     .colluders = roster.colluders,
                     .min_survivors = roster.min_survivors,
                     .slots = 64}) {}
  // The start of a slot that nobody has used.
  RoundStart Next() {
    if (slot_ == 64) {
      stages_.emplace(federation_);
      stages_->Advertise(++batch_);
      stages_->Deal();
      stages_->Report();
      stages_->Sign();
      stages_->Certify();
      slot_ = 0;
    }
    return stages_->Start(slot_++, ++round_);
  }
  Batch& client(std::size_t i) { return stages_->batches[i]; }
  Ed25519Signature SignFor(std::size_t i, const Transcript& statement) const {
    return federation_.identity(i).signer->Sign(statement.bytes());
  }

 private:
  Federation federation_;
  std::optional<Stages> stages_;
  std::uint16_t slot_ = 64;
  std::uint32_t batch_ = 0;
  std::uint64_t round_ = 0;
};

const std::vector<std::int64_t> kValues = {1, -2, 3, -4, 5};

TEST(OpenedSets, A17_NoSetBelowTheMinimumIsEverSigned) {
  std::size_t refused = 0;
  for (const Roster& roster : SmallRosters()) {
    Batches batches(roster);
    for (unsigned bits = 0; bits < 1u << roster.members; ++bits) {
      const MemberSet survivors = SetOfBits(roster.members, bits);
      const RoundStart start = batches.Next();
      for (std::size_t i = 0; i < roster.members; ++i) {
        auto uploaded = batches.client(i).Accept(start).value().OnInput(kValues);
        ASSERT_OK(uploaded);
        const auto answer = std::move(uploaded->next).OnCommit({start.round, survivors});
        ASSERT_EQ(answer.ok(), survivors.size() >= roster.floor())
            << roster.members << " members, C = " << roster.colluders
            << ", U_min = " << roster.min_survivors << ", U = " << bits << ": " << answer.status();
        refused += !answer.ok();
      }
    }
  }
  EXPECT_GT(refused, 300u);
}

// Every pair of sets that an honest member would sign, and every way to show one or the other to
// each; the colluders sign both. A set is opened when an honest member reveals a share for it.
TEST(OpenedSets, A17_OfOneUploadTwoSetsAreNeverOpened) {
  std::size_t schedules = 0, opened_one = 0;
  for (const Roster& roster : SmallRosters()) {
    const std::size_t n = roster.members, honest_from = roster.colluders;
    if (roster.min_survivors > roster.quorum()) continue;  // fewer sets, of which these are some
    Batches batches(roster);
    std::vector<MemberSet> lawful;
    for (unsigned bits = 0; bits < 1u << n; ++bits)
      if (SetOfBits(n, bits).size() >= roster.floor()) lawful.push_back(SetOfBits(n, bits));
    for (std::size_t a = 0; a < lawful.size(); ++a)
      for (std::size_t b = a + 1; b < lawful.size(); ++b)
        for (unsigned shown = 0; shown < 1u << (n - honest_from); ++shown, ++schedules) {
          const RoundStart start = batches.Next();
          const std::array<const MemberSet*, 2> sets = {&lawful[a], &lawful[b]};
          std::array<CommitCertificate, 2> certificates = {
              CommitCertificate{start.round, lawful[a], {}},
              CommitCertificate{start.round, lawful[b], {}}};
          for (int which : {0, 1})
            for (std::size_t i = 0; i < honest_from; ++i)
              certificates[which].certificate.entries.push_back(
                  {Index(i), batches.SignFor(i, CommitStatement(ContextOf(start), *sets[which]))});
          std::vector<std::optional<AwaitingCertificate>> waiting(n);
          for (std::size_t i = honest_from; i < n; ++i) {
            const int which = shown >> (i - honest_from) & 1;
            auto uploaded = batches.client(i).Accept(start).value().OnInput(kValues);
            ASSERT_OK(uploaded);
            auto answer = std::move(uploaded->next).OnCommit({start.round, *sets[which]});
            ASSERT_OK(answer);
            certificates[which].certificate.entries.push_back(
                {Index(i), answer->message.signature});
            waiting[i].emplace(std::move(answer->next));
          }
          std::array<bool, 2> opened = {};
          for (std::size_t i = honest_from; i < n; ++i) {
            const int which = shown >> (i - honest_from) & 1;
            opened[which] |= std::move(*waiting[i]).OnCertificate(certificates[which]).ok();
          }
          ASSERT_FALSE(opened[0] && opened[1])
              << n << " members, C = " << roster.colluders << ", shown " << shown;
          opened_one += opened[0] || opened[1];
        }
  }
  EXPECT_GT(schedules, 200u);
  EXPECT_GT(opened_one, schedules / 20) << "the schedules get nowhere: they prove little";
}

}  // namespace
}  // namespace veilsum::secure_agg
