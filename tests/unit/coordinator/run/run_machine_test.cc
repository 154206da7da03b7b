// A run's rules, one at a time: who is believed, how long is waited, what ends it, and what must be
// stored first.
#include "tests/unit/coordinator/run/puppets.h"

namespace veilsum::coordinator {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// ---- Approval (SE-02)
// -----------------------------------------------------------------------------

TEST(RunMachineApproval, HonestMembersRunToTheEnd) {
  Puppets p;
  ASSERT_OK(p.Start());
  EXPECT_EQ(p.state(), "approving");
  p.JoinAll();
  p.Finish();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  EXPECT_EQ(p.machine->Progress().step(), 3u);
  EXPECT_EQ(p.memory->LoadRun(p.terms.contract().run_id)->state, "finished");
  EXPECT_THAT(p.port.disconnected, IsEmpty());
  for (const RoundFigures& round : p.port.figures) {
    EXPECT_TRUE(round.committed);
    EXPECT_GT(round.ring_share, 0);
    EXPECT_LT(round.ring_share, 0.5) << "an honest sum is far from the end of its ring";
  }
}

TEST(RunMachineFigures, AMaskThatStaysInASumFillsItsRing) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    return seat == p.seats[2] && message.has_start();
  };
  p.JoinAll();
  // Another's words instead of its own: what its masks should have cancelled stays.
  Bytes words(p.terms.session()->sums()[0].UploadBytes());
  p.rng.Fill(words);
  p.Pump([&] { return p.port.admitted_round == 1; });
  ASSERT_OK(p.machine->OnUpload(p.seats[2], 1, words, p.now));
  for (int i = 0; i < 20 && p.port.figures.empty(); ++i) {
    p.Pump();
    if (p.port.figures.empty()) p.WaitForDeadline();
  }
  ASSERT_FALSE(p.port.figures.empty());
  EXPECT_TRUE(p.port.figures[0].committed) << "no member can tell, nor the coordinator";
  EXPECT_GT(p.port.figures[0].ring_share, 0.9);
  EXPECT_LE(p.port.figures[0].ring_share, 1);
}

struct BadApproval {
  const char* name;
  std::function<void(Puppets&, v1::ContractApproval&)> spoil;
  absl::StatusCode code;
};

class RunMachineBadApproval : public testing::TestWithParam<BadApproval> {};

TEST_P(RunMachineBadApproval, IsNotStoredAndEndsTheConnection) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.Join(p.seats[0]);
  v1::ClientMessage message = p.ApprovalOf(p.seats[0]);
  GetParam().spoil(p, *message.mutable_approval());
  p.machine->OnMessage(p.seats[0], message, p.now);
  ASSERT_EQ(p.port.disconnected.size(), 1u);
  EXPECT_EQ(p.port.disconnected[0].first, p.seats[0]);
  EXPECT_EQ(p.port.disconnected[0].second.code(), GetParam().code) << p.port.disconnected[0].second;
  EXPECT_THAT(p.memory->Snapshot(p.terms.contract().run_id)->approvals, IsEmpty());
  EXPECT_EQ(p.state(), "approving");
}

INSTANTIATE_TEST_SUITE_P(
    Spoiled, RunMachineBadApproval,
    testing::Values(
        BadApproval{"WrongHash", [](Puppets&, auto& a) { a.mutable_contract_hash()->at(3) ^= 1; },
                    absl::StatusCode::kInvalidArgument},
        BadApproval{"ShortSignature", [](Puppets&, auto& a) { a.mutable_signature()->pop_back(); },
                    absl::StatusCode::kInvalidArgument},
        BadApproval{"WrongSignature", [](Puppets&, auto& a) { a.mutable_signature()->at(5) ^= 1; },
                    absl::StatusCode::kUnauthenticated},
        BadApproval{"AnotherSeatsApproval",
                    [](Puppets& p, auto& a) { a = p.ApprovalOf(p.seats[1]).approval(); },
                    absl::StatusCode::kUnauthenticated},
        BadApproval{"AnotherKeyInTheCertificate",
                    [](Puppets& p, auto& a) {
                      a.set_certificate(std::string(AsText(secure_agg::FakeCertificate(
                          p.seats[0], p.signers[p.seats[1]]->public_key()))));
                    },
                    absl::StatusCode::kUnauthenticated},
        BadApproval{"UnchainedCertificate", [](Puppets&, auto& a) { a.set_certificate("rogue"); },
                    absl::StatusCode::kUnauthenticated}),
    [](const auto& c) { return std::string(c.param.name); });

TEST(RunMachineApproval, ADeclineFailsTheRunAndEverybodyHearsWhy) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.Join(p.seats[0]);
  p.Join(p.seats[1]);
  v1::ClientMessage decline;
  decline.mutable_decline()->set_code("POLICY_EPSILON");
  decline.mutable_decline()->set_reason("8 is above 3");
  p.port.sent.clear();
  p.machine->OnMessage(p.seats[1], decline, p.now);
  EXPECT_EQ(p.state(), "failed");
  EXPECT_THAT(p.reason(), HasSubstr("POLICY_EPSILON"));
  EXPECT_THAT(p.machine->Progress().declined(), ElementsAre(HasSubstr(p.seats[1])));
  ASSERT_EQ(p.port.sent.size(), 2u);
  EXPECT_EQ(p.port.sent[0].second.ended().outcome(), "failed");
}

TEST(RunMachineApproval, SA01_AStrangerIsTurnedAway) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.machine->OnConnected("spiffe://fed.test/tenant/x/client/a", p.now);
  ASSERT_EQ(p.port.disconnected.size(), 1u);
  EXPECT_THAT(p.port.disconnected[0].second,
              StatusIs(absl::StatusCode::kPermissionDenied, "SA-01"));
}

TEST(RunMachineApproval, NoBatchBeginsBeforeTheLastApproval) {
  Puppets p;
  ASSERT_OK(p.Start());
  for (std::size_t i = 0; i + 1 < p.seats.size(); ++i) p.Join(p.seats[i]);
  p.Pump();
  p.Wait(seconds(60));
  EXPECT_EQ(p.state(), "approving");
  for (const auto& [seat, message] : p.delivered) EXPECT_TRUE(message.has_contract());
}

// ---- Patience and deadlines
// -----------------------------------------------------------------------

TEST(RunMachinePatience, NobodyComes) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.Wait(seconds(119));
  EXPECT_EQ(p.state(), "approving");
  p.Wait(seconds(2));
  EXPECT_EQ(p.state(), "failed");
  EXPECT_THAT(p.reason(), HasSubstr("has not approved"));
}

TEST(RunMachinePatience, EverybodyLeavesForGood) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Pump([&] { return p.machine->Progress().step() == 1; });
  p.port.sent.clear();
  for (const std::string& seat : p.seats) p.machine->OnDisconnected(seat, p.now);
  EXPECT_FALSE(p.machine->ended());
  for (int i = 0; i < 20 && !p.machine->ended(); ++i) p.WaitForDeadline();
  EXPECT_EQ(p.state(), "stopped");
  EXPECT_THAT(p.reason(), HasSubstr("only 0 of 5"));
  EXPECT_EQ(p.machine->Progress().step(), 1u);
}

TEST(RunMachineDeadline, ASilentMemberIsLeftOutOfTheBatchAndOfTheRound) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    return seat == p.seats[4] && message.has_batch();
  };
  p.JoinAll();
  p.Pump();
  EXPECT_EQ(p.state(), "keying");
  p.Wait(seconds(4));
  p.Pump();
  EXPECT_EQ(p.state(), "keying");
  p.Wait(seconds(2));
  p.Pump([&] { return p.machine->Progress().step() == 1; });
  EXPECT_EQ(p.memory->Blocks(p.terms.contract().run_id)->at(0).members.size(), 4u);
  EXPECT_EQ(p.machine->Progress().survivors(), 4u);
}

// Deaf for one message of round 1: the phase waits for the deadline and then goes on with the
// others.
class RunMachinePhase : public testing::TestWithParam<int> {};

TEST_P(RunMachinePhase, ClosesAtItsDeadlineWithThoseWhoAnswered) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    if (seat != p.seats[2]) return false;
    return (GetParam() == 0 && message.has_start()) || (GetParam() == 1 && message.has_commit()) ||
           (GetParam() == 2 && message.has_commit_certificate());
  };
  p.JoinAll();
  p.Pump();
  EXPECT_EQ(p.machine->Progress().step(), 0u);
  EXPECT_EQ(p.machine->Progress().round(), 1u);
  p.Wait(seconds(4));
  p.Pump();
  EXPECT_EQ(p.machine->Progress().step(), 0u);
  p.Wait(seconds(2));
  p.Pump([&] { return p.machine->Progress().step() == 1; });  // nor do later phases wait for it
  EXPECT_EQ(p.machine->Progress().step(), 1u);
  EXPECT_EQ(p.machine->Progress().survivors(), GetParam() == 0 ? 4u : 5u);
  const std::string missing = "round 1 is without " + p.seats[2];
  EXPECT_EQ(std::ranges::count(p.port.log, missing), GetParam() == 0 ? 1 : 0);
}

INSTANTIATE_TEST_SUITE_P(UploadSignatureShare, RunMachinePhase, testing::Values(0, 1, 2));

TEST(RunMachineDeadline, AMuteMemberCostsOneDeadlineNotOneARound) {
  Puppets p;
  ASSERT_OK(p.Start());
  bool mute = true;
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    return mute && seat == p.seats[2] && message.has_start();
  };
  p.JoinAll();
  p.Pump();
  EXPECT_EQ(p.machine->Progress().step(), 0u);
  p.Wait(seconds(6));
  p.Pump([&] { return p.machine->Progress().step() == 2; });
  EXPECT_EQ(p.machine->Progress().step(), 2u) << "round 2 did not wait";
  EXPECT_EQ(p.machine->Progress().survivors(), 4u);
  EXPECT_THAT(p.ReceiversOfStart(2), testing::Contains(p.seats[2]))
      << "it may speak up at any time";
}

TEST(RunMachineDeadline, AMuteMemberIsWaitedForWhereTheOthersAreTooFew) {
  model::SmallPlan plan = QuickPlan();
  plan.min_survivors = 5;
  Puppets p(plan);
  ASSERT_OK(p.Start());
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    return seat == p.seats[2] && message.has_start() && message.start().round() == 1;
  };
  p.JoinAll();
  p.Pump();
  p.Wait(seconds(6));  // round 1 is spent
  p.Finish();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  EXPECT_EQ(p.machine->Progress().aborted(), 1u);
}

// F14: two members lie about one dealer's shares, twice; it is in no roster after that.
TEST(RunMachineBlame, SA34_ADealerWhoseSecretIsLostTwiceIsLeftOutOfTheNextBatch) {
  model::SmallPlan plan = QuickPlan();
  plan.steps = 8;  // two batches more: one is keyed before anybody is named
  plan.attempts_max = 12;
  plan.key_batch = 4;
  Puppets p(plan);
  ASSERT_OK(p.Start());
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    if (!message.has_commit_certificate() || message.commit_certificate().round() > 2 ||
        (seat != p.seats[0] && seat != p.seats[1]))
      return false;
    auto reply = p.sums[seat]->OnCertificate(message.commit_certificate());
    EXPECT_OK(reply);
    std::string& share = *reply->mutable_reveal()->mutable_shares(3);
    share[0] = static_cast<char>(share[0] ^ (seat == p.seats[0] ? 1 : 2));
    p.machine->OnMessage(seat, *reply, p.now);
    return true;
  };
  p.JoinAll();
  p.Finish();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  EXPECT_EQ(p.machine->Progress().aborted(), 2u);
  std::map<std::uint32_t, int> offers;
  for (const auto& [seat, message] : p.delivered)
    if (message.has_batch()) ++offers[message.batch().batch()];
  ASSERT_GE(offers.size(), 2u);
  EXPECT_EQ(offers.begin()->second, 5);
  EXPECT_EQ(offers.rbegin()->second, 4);
  EXPECT_THAT(p.port.log, testing::Contains(testing::HasSubstr("SA-34: spiffe://")))
      << "an operator is told whom to look at";
}

TEST(RunMachineDeadline, SA21_ALateUploadIsRefused) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    return seat == p.seats[2] && message.has_start();
  };
  p.JoinAll();
  const Bytes words(p.terms.session()->sums()[0].UploadBytes(), 0);
  EXPECT_THAT(p.machine->OnUpload("spiffe://fed.test/tenant/stranger/client/a", 1, words, p.now),
              StatusIs(absl::StatusCode::kPermissionDenied, "SA-01"));
  EXPECT_THAT(p.machine->OnUpload(p.seats[2], 1, words, p.now),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SA-21"));
  p.Pump();
  EXPECT_THAT(p.machine->OnUpload(p.seats[2], 2, words, p.now),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SA-21"));
  EXPECT_THAT(p.machine->OnUpload(p.seats[1], 1, words, p.now), Not(IsOk())) << "a second upload";
  p.Wait(seconds(6));  // U is frozen without it
  EXPECT_EQ(p.port.admitted_round, 0u);
  EXPECT_THAT(p.machine->OnUpload(p.seats[2], 1, words, p.now),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SA-21"));
}

TEST(RunMachineDeadline, SA15_AMemberWithoutKeysIsNotWaitedForUntilTheNextBatch) {
  model::SmallPlan plan = QuickPlan();
  plan.key_batch = 2;
  Puppets p(plan);
  ASSERT_OK(p.Start());
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    if (seat != p.seats[3] || !message.has_start() || message.start().round() != 1) return false;
    v1::ClientMessage refusal;
    refusal.mutable_refusal()->set_round(1);
    refusal.mutable_refusal()->set_check("SA-15");
    p.machine->OnMessage(seat, refusal, p.now);
    return true;
  };
  p.JoinAll();
  p.Pump();
  EXPECT_EQ(p.state(), "finished") << p.reason();  // without any deadline
  EXPECT_EQ(p.ReceiversOfStart(1).size(), 5u);
  EXPECT_THAT(p.ReceiversOfStart(2), Not(testing::Contains(p.seats[3])));
  EXPECT_THAT(p.ReceiversOfStart(3), testing::Contains(p.seats[3]))
      << "the next batch has it again";
}

// ---- Ends
// -----------------------------------------------------------------------------------------

TEST(RunMachineEnd, AllAttemptsSpentStopsWithAReason) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.deaf = [](const std::string&, const v1::ServerMessage& message) {
    return message.has_commit();
  };
  p.JoinAll();
  p.Finish();
  EXPECT_EQ(p.state(), "stopped");
  EXPECT_THAT(p.reason(), HasSubstr("all 8 attempts"));
  EXPECT_EQ(p.machine->Progress().attempts(), 8u);
  EXPECT_EQ(p.machine->Progress().aborted(), 8u);
  EXPECT_EQ(p.machine->Progress().step(), 0u);
  EXPECT_EQ(p.memory->Snapshot(p.terms.contract().run_id)->open_rounds.size(), 0u);
}

TEST(RunMachineEnd, StopRunSpendsWhatWasOpenAndTellsEverybody) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Pump([&] { return p.machine->Progress().round() == 2; });
  p.port.sent.clear();
  p.machine->StopRun("enough", p.now);
  EXPECT_EQ(p.state(), "stopped");
  EXPECT_EQ(p.reason(), "enough");
  EXPECT_EQ(p.port.sent.size(), 5u);
  EXPECT_TRUE(p.port.sent.front().second.has_ended());
  EXPECT_EQ(p.port.admitted_round, 0u);
  const RunSnapshot snapshot = *p.memory->Snapshot(p.terms.contract().run_id);
  EXPECT_EQ(snapshot.run.state, "stopped");
  EXPECT_THAT(snapshot.open_rounds, IsEmpty());
  EXPECT_EQ(snapshot.step, 1u);
  p.machine->StopRun("again", p.now);
  EXPECT_EQ(p.reason(), "enough");
}

TEST(RunMachineEnd, StopRunBeforeAnythingHappened) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.machine->StopRun("never mind", p.now);
  EXPECT_EQ(p.state(), "stopped");
  p.Join(p.seats[0]);
  ASSERT_EQ(p.port.sent.size(), 1u);
  EXPECT_EQ(p.port.sent[0].second.ended().outcome(), "stopped");
}

TEST(RunMachineResume, AFinishedRunIsNotContinued) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Finish();
  ASSERT_EQ(p.state(), "finished");
  const std::uint64_t opened = p.memory->Snapshot(p.terms.contract().run_id)->last_opened;
  EXPECT_TRUE(p.memory->UnfinishedRuns()->empty());
  ASSERT_OK(p.Resume());
  EXPECT_TRUE(p.machine->ended());
  EXPECT_EQ(p.state(), "finished");
  p.port.sent.clear();
  p.JoinAll();
  for (const auto& [seat, message] : p.port.sent) EXPECT_EQ(message.ended().outcome(), "finished");
  p.Wait(seconds(1000));
  EXPECT_EQ(p.memory->Snapshot(p.terms.contract().run_id)->last_opened, opened);
}

TEST(RunMachineResume, ContinuesAfterTheChargedBlockWithoutAskingForApprovalAgain) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Pump([&] { return p.machine->Progress().step() == 1; });
  p.port.sent.clear();
  ASSERT_OK(p.Resume());
  EXPECT_EQ(p.machine->Progress().step(), 1u);
  EXPECT_EQ(p.machine->Progress().attempts(), 3u);
  EXPECT_EQ(p.machine->Progress().aborted(), 2u) << "the rest of the block is spent (SE-07)";
  p.JoinAll();
  p.Finish();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  EXPECT_THAT(p.ReceiversOfStart(2).size() + p.ReceiversOfStart(3).size(), testing::Le(5u))
      << "announced before the crash only";
  EXPECT_EQ(p.ReceiversOfStart(4).size(), 5u);
}

TEST(RunMachineResume, AnUnapprovedRunWaitsForTheOthers) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.Join(p.seats[0]);
  p.Pump();
  ASSERT_OK(p.Resume());
  EXPECT_EQ(p.state(), "approving");
  p.Wait(seconds(121));
  EXPECT_EQ(p.state(), "failed");
  EXPECT_THAT(p.reason(), Not(HasSubstr(p.seats[0])));
}

// ---- Errors of the store
// --------------------------------------------------------------------------

struct Failure {
  std::string call;  // the write that failed first
};

// Lets the n-th write fail with `error`, and every later one too when `for_good`. A machine that
// suspends itself is resumed, as long as anything may succeed.
Failure RunWithFailingWrite(Puppets& p, int n, bool for_good, const absl::Status& error,
                            int& writes) {
  Failure failure;
  int count = 0;
  p.store.before = [&](std::string_view call) -> absl::Status {
    ++count;
    if (count < n || (count > n && !for_good)) return absl::OkStatus();
    if (count == n) failure.call = call;
    return error;
  };
  std::size_t offers = 0;
  // A model may be offered only when the store has it: the one that the machine would hand to
  // clients is looked up.
  const auto check_offers = [&] {
    for (; offers < p.port.offered.size(); ++offers)
      EXPECT_OK(p.memory->LoadModel(p.terms.contract().run_id, p.port.offered[offers]))
          << "after write " << n;
  };
  if (p.Start().ok()) {
    p.JoinAll();
    for (int i = 0; i < 200 && !p.machine->ended(); ++i) {
      p.Pump();
      check_offers();
      if (!p.machine->suspended().ok()) {
        EXPECT_EQ(p.machine->suspended(), error);
        if (for_good) break;
        EXPECT_OK(p.Resume());
        p.port.sent.clear();  // to connections that are closed
        for (const std::string& seat : p.seats) p.NewSession(seat);
        p.JoinAll();
      } else if (!p.machine->ended()) {
        p.WaitForDeadline();
      }
    }
    check_offers();
  } else {
    EXPECT_EQ(failure.call, "CreateRun");
    EXPECT_THAT(p.port.offered, IsEmpty());
  }
  writes = count;
  return failure;
}

class RunMachineStoreError : public testing::TestWithParam<absl::Status> {};

TEST_P(RunMachineStoreError, NoModelWithoutItsCommitWhicheverWriteFails) {
  const bool passing = absl::IsUnavailable(GetParam());
  int writes = 0;
  {
    Puppets p;
    RunWithFailingWrite(p, 1000, true, GetParam(), writes);
    ASSERT_EQ(p.state(), "finished");
  }
  ASSERT_GT(writes, 10);
  const int all = writes;
  for (const bool for_good : {false, true}) {
    for (int n = 1; n <= all; ++n) {
      SCOPED_TRACE(testing::Message()
                   << "write " << n << (for_good ? " and all later ones fail" : " fails"));
      Puppets p;
      const Failure failure = RunWithFailingWrite(p, n, for_good, GetParam(), writes);
      if (!p.machine) continue;
      const bool suspended = !p.machine->suspended().ok();
      ASSERT_TRUE(p.machine->ended() || suspended) << failure.call;
      EXPECT_TRUE(passing || !suspended) << failure.call;
      if (passing && !for_good && failure.call != "SaveApproval") {
        EXPECT_EQ(p.state(), "finished") << failure.call << ": a store that comes back ends no run";
      }
      if (!passing && (failure.call == "Commit" || failure.call == "OpenBlock")) {
        EXPECT_EQ(p.state(), "failed") << failure.call;
      }
      if (p.state() == "finished") {
        const RunSnapshot snapshot = *p.memory->Snapshot(p.terms.contract().run_id);
        EXPECT_EQ(snapshot.step, 3u) << failure.call;
      } else {
        EXPECT_THAT(p.reason(), Not(IsEmpty())) << failure.call;
      }
    }
  }
}

std::string ErrorName(const testing::TestParamInfo<absl::Status>& info) {
  static constexpr std::array kNames = {"DiskFull", "FileTorn"};
  return kNames[info.index];
}
INSTANTIATE_TEST_SUITE_P(Errors, RunMachineStoreError,
                         testing::Values(absl::UnavailableError("the disk is full"),
                                         absl::DataLossError("the file is torn")),
                         ErrorName);

TEST(RunMachineStore, SA22_NobodyHearsOfAUThatIsNotStored) {
  Puppets p;
  ASSERT_OK(p.Start());
  p.store.before = [](std::string_view call) -> absl::Status {
    return call == "Freeze" ? Unavailable("disk full") : absl::OkStatus();
  };
  p.JoinAll();
  p.Finish();
  EXPECT_TRUE(p.machine->ended() || !p.machine->suspended().ok());
  for (const auto& [seat, message] : p.delivered) EXPECT_FALSE(message.has_commit());
  EXPECT_EQ(p.machine->Progress().step(), 0u);
}

}  // namespace
}  // namespace veilsum::coordinator
