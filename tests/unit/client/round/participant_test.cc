// What a client does with a coordinator that lies, vanishes or repeats itself.
#include "tests/unit/client/round/one_participant.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Models and vectors on the stream, or in calls of their own.
class ParticipantTransport : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Fetches, ParticipantTransport, testing::Bool());

TEST_P(ParticipantTransport, AnHonestRunSpendsBeforeItComputesAndTrainsOnWhatWasAnnounced) {
  OneParticipant p;
  p.fetches = GetParam();
  ASSERT_OK(p.Run());
  EXPECT_EQ(p.world.state(), "finished") << p.world.reason();
  EXPECT_THAT(p.events, ElementsAre("spend 1-3", "compute 1", "compute 2", "compute 3"));
  EXPECT_EQ(p.odometer.entry.attempts_max, 8u);
  ASSERT_EQ(p.models.size(), 3u);
  EXPECT_NE(p.models[0], p.models[1]);
  EXPECT_EQ(p.world.machine->Progress().survivors_min(), 5u);
  EXPECT_EQ(p.connections, 1);
}

// Changes what the participant reads of round 2, once.
void TamperWithStart(OneParticipant& p, const std::function<void(secagg::v1::RoundStart&)>& spoil) {
  p.before_read = [spoil](ServerMessage& message) {
    if (message.has_start() && message.start().round() == 2) spoil(*message.mutable_start());
    return absl::OkStatus();
  };
}

void SetStepConfig(secagg::v1::RoundStart& start,
                   const std::function<void(model::StepConfig&)>& change) {
  model::StepConfig config = model::ParseStepConfig(AsBytes(start.step_config())).value();
  change(config);
  start.set_step_config(std::string(AsText(model::EncodeStepConfig(config))));
}

TEST_P(ParticipantTransport, SA16_TheWrongModelIsNotTrainedOn) {
  OneParticipant p;
  p.fetches = GetParam();
  int fetches = 0;
  p.tamper_model = [&](Bytes& bytes) {
    if (++fetches == 2) bytes[0] ^= 1;
  };
  ASSERT_OK(p.Run());
  EXPECT_THAT(p.RefusalsOf(2), ElementsAre("SA-16"));
  EXPECT_FALSE(p.Computed(2));
  EXPECT_TRUE(p.Computed(3)) << "one refused round does not end the run";
  EXPECT_EQ(p.world.state(), "finished");
}

TEST_P(ParticipantTransport, SA16_AModelOfAnotherSizeIsRefused) {
  OneParticipant p;
  p.fetches = GetParam();
  p.tamper_model = [](Bytes& bytes) { bytes.resize(bytes.size() - 4); };
  ASSERT_OK(p.Run());
  EXPECT_THAT(p.events, IsEmpty());
  EXPECT_EQ(p.RefusalsOf(1).size(), 1u);
}

struct LyingStart {
  const char* name;
  std::function<void(secagg::v1::RoundStart&)> spoil;
  const char* check;  // empty: any refusal
};
class ParticipantRefuses : public testing::TestWithParam<LyingStart> {};

TEST_P(ParticipantRefuses, AStartThatIsNotTheContracts) {
  model::SmallPlan plan = coordinator::QuickPlan();
  OneParticipant p(plan);
  TamperWithStart(p, GetParam().spoil);
  ASSERT_OK(p.Run());
  std::vector<std::string> refusals;
  for (const ClientMessage& message : p.written)
    if (message.has_refusal()) refusals.push_back(message.refusal().check());
  ASSERT_GE(refusals.size(), 1u);  // the coordinator may go on asking about the round that it meant
  if (*GetParam().check != 0) {
    EXPECT_EQ(refusals[0], GetParam().check);
  }
  EXPECT_FALSE(p.Computed(2));
  EXPECT_EQ(p.odometer.entry.spent_through, 3u);
}

INSTANTIATE_TEST_SUITE_P(
    Starts, ParticipantRefuses,
    testing::Values(
        LyingStart{"ConfigSum", [](auto& s) { SetStepConfig(s, [](auto& c) { c.sum = 1; }); },
                   "SA-16"},
        LyingStart{"ConfigRound", [](auto& s) { SetStepConfig(s, [](auto& c) { c.round = 3; }); },
                   "SA-16"},
        LyingStart{"ConfigStep", [](auto& s) { SetStepConfig(s, [](auto& c) { ++c.step; }); },
                   "SA-16"},
        LyingStart{"ConfigNotJson", [](auto& s) { s.set_step_config("{"); }, ""},
        LyingStart{"ModelHash", [](auto& s) { s.mutable_model_hash()->at(0) ^= 1; }, ""},
        LyingStart{"SetupHash", [](auto& s) { s.mutable_setup_hash()->at(0) ^= 1; }, "SA-15"},
        LyingStart{"AnotherRoundInTheSameSlot",
                   [](auto& s) {
                     s.set_round(1);
                     SetStepConfig(s, [](auto& c) { c.round = 1; });
                   },
                   "SA-15"}),
    [](const auto& c) { return std::string(c.param.name); });

// The first round of a block: what it charges is checked before it is spent.
class ParticipantCharge : public testing::TestWithParam<int> {};

TEST_P(ParticipantCharge, SE10_ABlockThatIsNotThatOfTheBatchIsRefused) {
  OneParticipant p;  // slots 1 to 4 of the batch; last may be 1 to 4 for round 1
  p.before_read = [](ServerMessage& message) {
    if (message.has_start() && message.start().round() == 1)
      SetStepConfig(*message.mutable_start(),
                    [](auto& c) { c.last = static_cast<std::uint64_t>(GetParam()); });
    return absl::OkStatus();
  };
  ASSERT_OK(p.Run());
  EXPECT_THAT(p.RefusalsOf(1), ElementsAre("SE-10"));
  EXPECT_FALSE(p.Computed(1));
  EXPECT_TRUE(p.Computed(2));
  EXPECT_THAT(p.events, testing::Contains("spend 2-3"));
}

INSTANTIATE_TEST_SUITE_P(Last, ParticipantCharge, testing::Values(0, 5, 1000));

TEST(Participant, TheSameStartTwiceIsAnsweredOnce) {
  OneParticipant p;
  bool repeated = false;
  p.before_read = [&](ServerMessage& message) {
    if (message.has_start() && message.start().round() == 2 && !std::exchange(repeated, true))
      p.world.port.sent.emplace_front(p.mine(), message);
    return absl::OkStatus();
  };
  ASSERT_OK(p.Run());
  EXPECT_EQ(std::ranges::count(p.events, std::string("compute 2")), 1);
  EXPECT_THAT(p.RefusalsOf(2), ElementsAre("SA-15"));
}

// ---- Before approval
// ------------------------------------------------------------------------------

TEST(ParticipantApproval, PolicyEpsilonCap) {
  model::SmallPlan plan;
  plan.statistics = false;
  OneParticipant p(plan);
  p.policy.epsilon_cap = 1;
  EXPECT_THAT(p.Run(), StatusIs(StatusCode::kPermissionDenied, "POLICY_EPSILON"));
  ASSERT_EQ(p.CountWritten(ClientMessage::kDecline), 1u);
  EXPECT_EQ(p.written.back().decline().code(), "POLICY_EPSILON");
  EXPECT_EQ(p.CountWritten(ClientMessage::kApproval), 0u);
  EXPECT_EQ(p.world.state(), "failed");
  EXPECT_EQ(p.odometer.entry.attempts_max, 0u) << "nothing is reserved for a declined contract";
}

TEST(ParticipantApproval, NoPrivacyNeedsTheMerchantsWord) {
  OneParticipant p;
  p.policy.allow_no_privacy = false;
  EXPECT_THAT(p.Run(), StatusIs(StatusCode::kPermissionDenied, "POLICY_NO_PRIVACY"));
}

TEST(ParticipantApproval, AFullOdometerDeclines) {
  OneParticipant p;
  p.odometer.approve = absl::ResourceExhaustedError("the block is full");
  EXPECT_THAT(p.Run(), StatusIs(StatusCode::kResourceExhausted, "the block is full"));
  EXPECT_EQ(p.CountWritten(ClientMessage::kDecline), 1u);
  EXPECT_EQ(p.world.state(), "failed");
}

// SE-08: what the policy does not state, the first run fixes: the smallest block that admits it.
TEST(ParticipantApproval, EverySumOfAPrivateRunIsReservedInItsBlock) {
  model::SmallPlan plan;
  OneParticipant p(plan);
  p.odometer.approve = absl::ResourceExhaustedError("full");
  EXPECT_THAT(p.Run(), StatusIs(StatusCode::kResourceExhausted, "POLICY_BUDGET: full"));
  ASSERT_TRUE(p.odometer.charged.has_value());
  const BlockCharge& charge = *p.odometer.charged;
  EXPECT_EQ(charge.block, "epoch-1/training");
  ASSERT_EQ(charge.sums.size(), plan.statistics ? 2u : 1u);
  EXPECT_EQ(charge.sums.back().purpose, "train");
  double needed = 0;
  for (const SumCharge& sum : charge.sums)
    needed += sum.per_attempt.rdp * static_cast<double>(sum.attempts);
  EXPECT_NEAR(needed, dp::RenyiLimit(charge.budget), 1e-6 * needed);  // nothing fits beside it
  ASSERT_EQ(p.CountWritten(ClientMessage::kDecline), 1u);
  EXPECT_EQ(p.written.back().decline().code(), "POLICY_BUDGET");
}

// SE-32: the blocks are those of the epoch that the merchant has open.
TEST(ParticipantApproval, AnotherEpochHasBlocksOfItsOwn) {
  OneParticipant p(model::SmallPlan{});
  ASSERT_OK(p.odometer.OpenEpoch("new customers", 7));
  p.odometer.approve = absl::ResourceExhaustedError("full");
  EXPECT_THAT(p.Run(), StatusIs(StatusCode::kResourceExhausted, "POLICY_BUDGET: full"));
  EXPECT_EQ(p.odometer.charged->block, "epoch-2/training");
}

// DP-15: the first attempt begins a block of rows for some group, each later one a b-th of one.
TEST(ParticipantApproval, ABandedRunIsReservedByBlocks) {
  model::SmallPlan plan;
  plan.statistics = false;
  plan.bands = 2;
  OneParticipant p(plan);
  p.odometer.approve = absl::ResourceExhaustedError("full");
  EXPECT_THAT(p.Run(), StatusIs(StatusCode::kResourceExhausted, "POLICY_BUDGET: full"));
  const std::vector<SumCharge>& sums = p.odometer.charged->sums;
  ASSERT_EQ(sums.size(), 2u);
  EXPECT_EQ(sums[0].purpose, "train");
  EXPECT_EQ(sums[0].attempts, 1u);
  EXPECT_EQ(sums[1].purpose, "train/later");
  EXPECT_EQ(sums[1].attempts + 1, static_cast<std::uint64_t>(plan.attempts_max));
  EXPECT_DOUBLE_EQ(sums[0].per_attempt.rdp, 2 * sums[1].per_attempt.rdp);
}

// SE-11: evaluation is charged to the customers it looks at, who are in no other sum.
TEST(ParticipantApproval, EvaluationIsReservedInTheHoldOutsBlock) {
  model::SmallPlan plan;
  plan.evaluation_attempts = 2;
  OneParticipant p(plan);
  p.odometer.approve = absl::ResourceExhaustedError("full");
  EXPECT_THAT(p.Run(), StatusIs(StatusCode::kResourceExhausted, "POLICY_BUDGET: full"));
  ASSERT_TRUE(p.odometer.charged && p.odometer.charged_holdout);
  EXPECT_EQ(p.odometer.charged->block, "epoch-1/training");
  EXPECT_EQ(p.odometer.charged->sums.back().purpose, "train");
  const BlockCharge& charge = *p.odometer.charged_holdout;
  EXPECT_EQ(charge.block, "epoch-1/holdout");
  ASSERT_EQ(charge.sums.size(), 1u);
  EXPECT_EQ(charge.sums[0].purpose, "evaluation");
  EXPECT_EQ(charge.sums[0].attempts, 2u);
  EXPECT_NEAR(2 * charge.sums[0].per_attempt.rdp, dp::RenyiLimit(charge.budget),
              1e-6 * dp::RenyiLimit(charge.budget));
}

TEST(ParticipantApproval, ThePolicysBlockBudgetIsUsedAndNeverChangesLater) {
  OneParticipant p(model::SmallPlan{});
  p.policy.block_epsilon = 10;
  p.policy.block_delta = 2e-5;
  p.odometer.approve = absl::ResourceExhaustedError("full");
  EXPECT_THAT(p.Run(), StatusIs(StatusCode::kResourceExhausted, "POLICY_BUDGET"));
  ASSERT_TRUE(p.odometer.charged.has_value());
  EXPECT_EQ(p.odometer.charged->budget.epsilon, 10);
  EXPECT_EQ(p.odometer.charged->budget.delta, 2e-5);
  EXPECT_GE(p.odometer.charged->budget.order, 2u);

  OneParticipant later(model::SmallPlan{});
  later.policy.block_epsilon = 10;
  later.policy.block_delta = 2e-5;
  later.odometer.budget = dp::BlockBudget{3, 2e-5, 10};
  EXPECT_THAT(later.Run(), StatusIs(StatusCode::kPermissionDenied, "POLICY_BUDGET"));
  EXPECT_FALSE(later.odometer.charged.has_value());
}

TEST(ParticipantApproval, ARunWithoutPrivacyTakesNothingFromABlock) {
  OneParticipant p;
  ASSERT_OK(p.Run());
  EXPECT_FALSE(p.odometer.charged.has_value());
  EXPECT_TRUE(p.odometer.closed);  // what never started is given back when the run has ended
}

TEST(ParticipantApproval, SA42_NothingIsAnsweredBeforeTheContract) {
  OneParticipant p;
  p.before_read = [](ServerMessage& message) {
    message.Clear();
    message.mutable_batch();
    return absl::OkStatus();
  };
  EXPECT_THAT(p.Run(), StatusIs(StatusCode::kFailedPrecondition, "SA-42"));
  EXPECT_EQ(p.written.size(), 1u);  // the join
}

TEST(ParticipantApproval, SA42_AnotherContractAfterApprovalEndsIt) {
  OneParticipant p;
  int contracts = 0;
  p.before_read = [&](ServerMessage& message) -> absl::Status {
    if (message.has_start()) return Unavailable("the line is cut");
    if (message.has_contract() && ++contracts == 2) message.mutable_contract()->set_contract("{}");
    return absl::OkStatus();
  };
  EXPECT_THAT(p.Run(), StatusIs(StatusCode::kPermissionDenied, "SA-42"));
  EXPECT_EQ(p.CountWritten(ClientMessage::kApproval), 1u);
  EXPECT_EQ(p.written.back().decline().code(), "SA-42");
}

// ---- While it runs
// --------------------------------------------------------------------------------

TEST(Participant, AnOdometerThatFailsStopsTheVectorNotTheClient) {
  OneParticipant p;
  p.odometer.spend = absl::ResourceExhaustedError("SA-17: the disk is full");
  ASSERT_OK(p.Run());
  EXPECT_THAT(p.events, IsEmpty());
  EXPECT_THAT(p.RefusalsOf(1), ElementsAre("SA-17"));
  EXPECT_EQ(p.world.state(), "finished");  // of four others
}

TEST(Participant, ReconnectsWithTheSameBatch) {
  OneParticipant p;
  bool cut = false;
  p.before_read = [&](ServerMessage& message) -> absl::Status {
    if (message.has_closed() && !std::exchange(cut, true)) return Unavailable("the line is cut");
    return absl::OkStatus();
  };
  ASSERT_OK(p.Run());
  EXPECT_EQ(p.connections, 2);
  EXPECT_EQ(p.CountWritten(ClientMessage::kAdvert), 1u) << "the batch's keys are kept";
  std::vector<std::size_t> held;
  for (const ClientMessage& message : p.written)
    if (message.has_join()) held.push_back(message.join().setup_hash().size());
  EXPECT_THAT(held, ElementsAre(0u, 32u));
  EXPECT_THAT(p.events, ElementsAre("spend 1-3", "compute 1", "compute 3"))
      << "round 2 had begun when the line was cut";
  EXPECT_EQ(p.world.machine->Progress().survivors(), 5u);
}

// What the adverts of a run of several batches show, when the node has another certificate from the
// second offer on.
std::vector<std::string> CertificatesShown(OneParticipant& p,
                                           const secure_agg::SigningIdentity& later) {
  int offers = 0;
  p.before_read = [&](ServerMessage& message) {
    offers += message.has_batch();
    return absl::OkStatus();
  };
  p.identity = [&] { return offers < 2 ? p.Config().identity : later; };
  EXPECT_OK(p.Run());
  EXPECT_EQ(p.world.state(), "finished") << p.world.reason();
  EXPECT_EQ(p.world.machine->Progress().survivors_min(), 5u);
  std::vector<std::string> shown;
  for (const ClientMessage& message : p.written)
    if (message.has_advert()) shown.push_back(message.advert().certificate());
  return shown;
}

model::SmallPlan ThreeBatches() {
  model::SmallPlan plan = coordinator::QuickPlan();
  plan.steps = 6;
  plan.key_batch = 2;
  return plan;
}

TEST(Participant, SE03_ARenewedCertificateIsShownFromTheNextBatchOn) {
  OneParticipant p(ThreeBatches());
  secure_agg::SigningIdentity later = p.Config().identity;
  const std::string first(AsText(later.certificate));
  later.certificate[later.certificate.size() - 33] = '#';  // other bytes, the same seat and key
  const std::string renewed(AsText(later.certificate));
  EXPECT_THAT(CertificatesShown(p, later), ElementsAre(first, renewed, renewed));
}

TEST(Participant, SE03_AnotherKeyWaitsForAnotherContract) {
  OneParticipant p(ThreeBatches());
  secure_agg::SigningIdentity later = p.Config().identity;
  const std::string first(AsText(later.certificate));
  later.signer = p.world.signers[p.world.seats[1]];
  later.certificate = secure_agg::FakeCertificate(p.mine(), later.signer->public_key());
  EXPECT_THAT(CertificatesShown(p, later), ElementsAre(first, first, first));
}

TEST(Participant, SA31_OnASilentStreamTheSlotIsErasedAtItsDeadline) {
  OneParticipant p;
  const std::string erased = "the open slot is erased: its deadline has passed";
  p.silent = [&] {  // from the first upload until the client has looked at its clock
    return p.CountWritten(ClientMessage::kUpload) == 1 && std::ranges::count(p.log, erased) == 0;
  };
  const Clock::Time begun = p.waiter.now;
  ASSERT_OK(p.Run());
  EXPECT_THAT(p.log, testing::Contains(erased));
  EXPECT_LE(p.waiter.now - begun, std::chrono::seconds(60));
  EXPECT_THAT(p.RefusalsOf(1), ElementsAre("SA-26")) << "what came for it afterwards";
  EXPECT_EQ(p.connections, 1) << "the stream is kept";
}

TEST(ParticipantConnection, AStreamThatStaysSilentIsOpenedAnew) {
  OneParticipant p;
  p.silent = [&] { return p.connections == 1 && p.CountWritten(ClientMessage::kApproval) == 1; };
  const Clock::Time begun = p.waiter.now;
  ASSERT_OK(p.Run());
  EXPECT_EQ(p.connections, 2);
  EXPECT_GE(p.waiter.now - begun, p.Config().silence);
  EXPECT_EQ(p.world.state(), "finished");
}

TEST(Participant, ARefusedUploadCostsTheRoundOnly) {
  OneParticipant p;
  p.fetches = true;
  p.before_upload = [](std::uint64_t round) {
    return round == 1 ? FailedPrecondition("SA-21: round 1 takes no upload now") : absl::OkStatus();
  };
  ASSERT_OK(p.Run());
  EXPECT_THAT(p.RefusalsOf(1), ElementsAre("SA-21"));
  EXPECT_TRUE(p.Computed(2));
  EXPECT_EQ(p.world.state(), "finished");
}

TEST(Participant, SA37_AnEmptyMessageEndsIt) {
  OneParticipant p;
  p.before_read = [](ServerMessage& message) {
    if (message.has_start()) message.Clear();
    return absl::OkStatus();
  };
  EXPECT_THAT(p.Run(), StatusIs(StatusCode::kFailedPrecondition, "SA-37"));
}

TEST_P(ParticipantTransport, DP06_UploadsLeaveAtATick) {
  OneParticipant p;
  p.fetches = GetParam();
  const Clock::Time begun = p.waiter.now;
  p.before_upload = [&](std::uint64_t) {
    EXPECT_EQ((p.waiter.now - begun) % std::chrono::milliseconds(1), Clock::Duration(0));
    return absl::OkStatus();
  };
  ASSERT_OK(p.Run());
  EXPECT_EQ(p.waiter.waits, 3);
}

// ---- Connections
// ----------------------------------------------------------------------------------

TEST(ParticipantConnection, TriesForEverUnlessToldOtherwise) {
  OneParticipant p;
  p.connect = [&]() -> absl::Status {
    if (p.waiter.now < Clock::Time(std::chrono::hours(24))) return Unavailable("nobody there");
    return absl::OkStatus();
  };
  p.for_ever = true;
  ASSERT_OK(p.Run());
  EXPECT_EQ(p.world.state(), "finished") << p.world.reason();
  // A day at a quarter of a minute a try, more or less: the pauses are jittered.
  EXPECT_GT(p.connections, 4'000);
  EXPECT_LT(p.connections, 9'000);
}

TEST(ParticipantConnection, GivesUpAfterAWhileAndNotSooner) {
  OneParticipant p;
  p.connect = [] { return Unavailable("nobody is there"); };
  const Clock::Time begun = p.waiter.now;
  EXPECT_THAT(p.Run(), StatusIs(StatusCode::kUnavailable, "nobody"));
  EXPECT_GE(p.waiter.now - begun, std::chrono::seconds(60));
  EXPECT_LE(p.waiter.now - begun, std::chrono::seconds(60 + 23)) << "the last pause";
  EXPECT_GT(p.connections, 10);
  EXPECT_LT(p.connections, 100);
}

TEST(ParticipantConnection, AnErrorThatWillNotPassIsReportedAtOnce) {
  OneParticipant p;
  p.connect = [] { return PermissionDenied("the certificate is not of the pinned CA"); };
  EXPECT_THAT(p.Run(), StatusIs(StatusCode::kPermissionDenied, "pinned CA"));
  EXPECT_EQ(p.connections, 1);
}

TEST(ParticipantConnection, ACoordinatorThatClosesEveryStreamIsNotHammered) {
  OneParticipant p;
  p.before_read = [&](ServerMessage&) -> absl::Status {
    if (p.connections > 1000) p.participant->Stop();
    return Unavailable("no run is open: try again");
  };
  EXPECT_THAT(p.Run(), Not(IsOk()));
  EXPECT_LE(p.connections, 100) << "within the patience of one minute";
}

TEST(ParticipantConnection, StopBeforeRunIsCancelled) {
  OneParticipant p;
  ASSERT_OK(p.world.Start());
  Participant participant(p.Config(), p.World());
  participant.Stop();
  EXPECT_THAT(participant.Run(), StatusIs(StatusCode::kCancelled, "stopped"));
  EXPECT_EQ(p.connections, 0);
}

}  // namespace
}  // namespace veilsum::client
