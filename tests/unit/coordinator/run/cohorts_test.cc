// A run of several cohorts (SE-14): the same round in all, one that fails costs its own part only,
// and U of all is stored before anybody hears of any.
#include <bit>

#include "tests/unit/coordinator/run/puppets.h"

namespace veilsum::coordinator {
namespace {

using testing::IsEmpty;
using testing::Not;

// Twelve members in two cohorts of six: C = 2, q = U_min = 5 in each.
model::SmallPlan SplitPlan() {
  model::SmallPlan plan = QuickPlan();
  plan.cohorts = 2;
  return plan;
}

struct SplitRun : Puppets {
  SplitRun() : Puppets(SplitPlan(), 12) {
    store.committed = [this](const std::string&, const RoundCommit& commit) {
      commits.push_back(commit);
    };
  }
  const std::vector<std::string>& cohort(std::size_t g) const {
    return terms.contract().cohorts[g].members;
  }
  bool In(std::size_t g, const std::string& seat) const { return terms.CohortOf(seat) == g; }
  RoundRecord Round(std::uint64_t round) {
    return memory->LoadRound(terms.contract().run_id, round).value();
  }
  bool Logged(const std::string& text) const {
    return std::ranges::any_of(
        port.log, [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }
  std::vector<RoundCommit> commits;
};

// What puppets add up to: 1000 each.
Hash32 HashOfSum(const RunTerms& terms, std::size_t members) {
  const std::vector<std::int64_t> values(terms.contract().sums.back().dimension,
                                         static_cast<std::int64_t>(1000 * members));
  const auto bytes = std::as_bytes(std::span(values));
  return Transcript("veilsum/v1/sum")
      .Add({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()})
      .Sha256();
}

TEST(CohortRun, AddsTheSumsOfAllCohorts) {
  SplitRun p;
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Finish();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  ASSERT_EQ(p.commits.size(), 3u);
  for (const RoundCommit& commit : p.commits) {
    EXPECT_EQ(commit.survivors, [&] {
      MemberList all = p.seats;
      std::ranges::sort(all);
      return all;
    }());
    EXPECT_THAT(commit.lost, IsEmpty());
    EXPECT_EQ(commit.sum_hash, HashOfSum(p.terms, 12));
  }
  EXPECT_EQ(p.ReceiversOfStart(1).size(), 12u);
  const std::vector<Block> blocks = p.memory->Blocks(p.terms.contract().run_id).value();
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].members.size(), 12u) << "every member is charged (SE-07)";
  EXPECT_THAT(p.port.disconnected, IsEmpty());
}

// Each cohort is a secure sum of its own: other rosters, other batches.
TEST(CohortRun, NothingOfASetupLeavesItsCohort) {
  SplitRun p;
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Finish();
  std::map<std::size_t, std::set<std::string>> setups;
  for (const auto& [seat, message] : p.delivered) {
    if (message.has_roster()) {
      EXPECT_EQ(message.roster().adverts_size(), 6);
      for (const auto& advert : message.roster().adverts())
        EXPECT_TRUE(
            std::ranges::any_of(p.terms.session(p.terms.CohortOf(seat))->seats(),
                                [&](const auto& s) { return AsText(s.id) == advert.member_id(); }));
    }
    if (message.has_start()) setups[p.terms.CohortOf(seat)].insert(message.start().setup_hash());
  }
  ASSERT_EQ(setups.size(), 2u);
  EXPECT_EQ(setups[0].size(), 1u);
  EXPECT_NE(*setups[0].begin(), *setups[1].begin());
}

TEST(CohortRun, ACohortWithoutEnoughUploadsCostsItsOwnPartOnly) {
  SplitRun p;
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    return message.has_start() && message.start().round() == 2 && p.In(0, seat) &&
           seat != p.cohort(0)[0];
  };
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Finish();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  ASSERT_EQ(p.commits.size(), 3u) << "no round is lost";
  EXPECT_EQ(p.commits[1].survivors, p.cohort(1));
  EXPECT_THAT(p.commits[1].lost, IsEmpty()) << "it never had a U";
  EXPECT_EQ(p.commits[1].sum_hash, HashOfSum(p.terms, 6));
  EXPECT_TRUE(p.Logged("round 2 is without cohort 0")) << testing::PrintToString(p.port.log);
  EXPECT_GE(p.commits[2].survivors.size(), 11u) << "it is back in the next round";
  EXPECT_EQ(p.machine->Progress().survivors_min(), 6u);
  EXPECT_EQ(p.memory->Snapshot(p.terms.contract().run_id)->charged.at(p.cohort(0)[1]),
            p.machine->Progress().attempts())
      << "and charged all the same";
}

TEST(CohortRun, ACohortThatFailsAfterTheFreezeIsLostAndOnRecord) {
  SplitRun p;
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    return message.has_commit() && message.commit().round() == 1 && p.In(1, seat);
  };
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Finish();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  ASSERT_EQ(p.commits.size(), 3u);
  EXPECT_EQ(p.commits[0].survivors, p.cohort(0));
  EXPECT_EQ(p.commits[0].lost, p.cohort(1));
  EXPECT_EQ(p.commits[0].sum_hash, HashOfSum(p.terms, 6));
  EXPECT_EQ(p.Round(1).survivors, p.cohort(0));
  EXPECT_EQ(p.machine->Progress().aborted(), 0u);
}

TEST(CohortRun, ARoundWithoutAnyCohortIsSpent) {
  SplitRun p;
  p.deaf = [&](const std::string&, const v1::ServerMessage& message) {
    return message.has_start() && message.start().round() == 1;
  };
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Finish();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  EXPECT_EQ(p.Round(1).state, RoundState::kAborted);
  EXPECT_EQ(p.machine->Progress().aborted(), 1u);
  EXPECT_EQ(p.commits.size(), 3u);
}

TEST(CohortRun, ACohortWhoseSetupFailsWaitsForTheNextBatch) {
  SplitRun p;
  bool broken = true;
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    if (message.has_start() && message.start().round() == 2) broken = false;
    return broken && message.has_delivery() && p.In(1, seat);
  };
  model::SmallPlan plan = SplitPlan();
  plan.key_batch = 2;
  plan.steps = 6;
  p.terms = SmallTerms(plan, 12);
  for (const std::string& seat : p.seats) p.NewSession(seat);
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Finish();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  EXPECT_TRUE(p.Logged("cohort 1 has no keys until the next batch"));
  EXPECT_TRUE(p.Logged("round 1 is without cohort 1"));
  ASSERT_EQ(p.commits.size(), 6u);
  EXPECT_EQ(p.commits.front().survivors, p.cohort(0));
  EXPECT_EQ(p.commits.back().survivors.size(), 12u);
  const std::vector<Block> blocks = p.memory->Blocks(p.terms.contract().run_id).value();
  EXPECT_EQ(blocks.front().members, p.cohort(0)) << "who has no keys is charged nothing";
}

TEST(CohortRun, SA22_UOfAllCohortsIsStoredOnceBeforeAnybodyHearsOfAny) {
  SplitRun p;
  const auto commits_sent = [&] {
    const auto of_commit = [](const auto& sent) { return sent.second.has_commit(); };
    return std::ranges::count_if(p.port.sent, of_commit) +
           std::ranges::count_if(p.delivered, of_commit);
  };
  std::vector<long> sent_before;
  p.store.before = [&](std::string_view call) {
    if (call == "Freeze") sent_before.push_back(commits_sent());
    return absl::OkStatus();
  };
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Finish();
  EXPECT_THAT(sent_before, testing::ElementsAre(0, 12, 24));
}

TEST(CohortRun, SA22_AStoreThatCannotFreezeSpendsTheRoundInAllCohorts) {
  SplitRun p;
  int freezes = 0;
  p.store.before = [&](std::string_view call) {
    return call == "Freeze" && ++freezes == 1 ? absl::DataLossError("disk") : absl::OkStatus();
  };
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Finish();
  EXPECT_EQ(p.Round(1).state, RoundState::kAborted);
  EXPECT_TRUE(std::ranges::none_of(p.delivered, [](const auto& sent) {
    return sent.second.has_commit() && sent.second.commit().round() == 1;
  }));
}

TEST(CohortRun, SA21_UploadsEndCohortByCohort) {
  SplitRun p;
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    return message.has_start() && seat == p.cohort(1)[0];
  };
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Pump();
  ASSERT_EQ(p.port.admitted_round, 1u) << "cohort 1 waits for its last member";
  EXPECT_EQ(p.port.admitted, p.cohort(1));
  EXPECT_THAT(p.machine->OnUpload(p.cohort(0)[0], 1, Bytes(4), p.now),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SA-21"));
  p.WaitForDeadline();
  EXPECT_EQ(p.port.admitted_round, 0u);
  p.Pump();
  ASSERT_FALSE(p.commits.empty());
  EXPECT_EQ(p.commits[0].survivors.size(), 11u);
}

// A crash between the freeze and the sum: the attempt is spent in all cohorts, none is resumed.
TEST(CohortRun, ARestartSpendsTheOpenRoundInAllCohorts) {
  SplitRun p;
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Pump([&] { return !p.delivered.empty() && p.delivered.back().second.has_commit(); });
  p.port.sent.clear();
  ASSERT_OK(p.Resume());
  p.JoinAll();
  p.Finish();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  EXPECT_EQ(p.Round(1).state, RoundState::kAborted);
  EXPECT_EQ(p.commits.size(), 3u);
}

// ---- A coordinator that moves members
// ------------------------------------------------------------------

TEST(CohortAttack, SA01_ARosterWithAMemberOfAnotherCohortIsRefused) {
  SplitRun p;
  std::map<std::size_t, secagg::v1::Roster> rosters;
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    if (message.has_roster()) rosters[p.terms.CohortOf(seat)] = message.roster();
    return message.has_roster();
  };
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Pump();
  ASSERT_EQ(rosters.size(), 2u);
  const std::string victim = p.cohort(0)[0];
  secagg::v1::Roster mixed = rosters[0];
  const auto victims_own = [&](const secagg::v1::Advert& advert) {
    return advert.member_id() == AsText(p.terms.session(0)->FindSeat(victim)->id);
  };
  for (auto& advert : *mixed.mutable_adverts())
    if (!victims_own(advert)) {
      advert = rosters[1].adverts(0);  // honestly signed, for this session, batch and contract
      break;
    }
  std::sort(mixed.mutable_adverts()->begin(), mixed.mutable_adverts()->end(),
            [](const auto& a, const auto& b) { return a.member_id() < b.member_id(); });
  EXPECT_THAT(p.sums[victim]->OnRoster(mixed),
              StatusIs(absl::StatusCode::kInvalidArgument, "SA-01"));
  // The other cohort's roster as it is: the victim is not even in it.
  EXPECT_THAT(p.sums[p.cohort(0)[1]]->OnRoster(rosters[1]), Not(IsOk()));
  EXPECT_OK(p.sums[p.cohort(0)[2]]->OnRoster(rosters[0]));
}

TEST(CohortTerms, AContractOfTooManyMembersNamesTheWayOut) {
  EXPECT_THAT(RunTerms::Create(SmallRequest(QuickPlan(), 300), {"fed.test", Hash32{7}}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "300 members"));
  model::SmallPlan plan = SplitPlan();
  ASSERT_OK_AND_ASSIGN(const RunTerms terms,
                       RunTerms::Create(SmallRequest(plan, 300), {"fed.test", Hash32{7}}));
  EXPECT_EQ(terms.cohorts(), 2u);
  EXPECT_EQ(terms.session(1)->seats().size(), 150u);
  EXPECT_EQ(terms.contract().cohorts[0].colluders, 60u) << "without a beacon: of all 300";
}

}  // namespace
}  // namespace veilsum::coordinator
