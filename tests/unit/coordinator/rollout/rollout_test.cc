#include "coordinator/rollout/rollout.h"

#include <unistd.h>

#include <cmath>

#include "base/secure_rng.h"
#include "coordinator/rollout/reconcile.h"
#include "model/rollout/cohort.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum::coordinator {
namespace {

namespace fs = std::filesystem;
using absl::StatusCode;

GateResult Gate(Verdict verdict, OnBreach on_breach = OnBreach::kRollback) {
  GateResult gate;
  gate.name = "test";
  gate.verdict = verdict;
  gate.on_breach = on_breach;
  return gate;
}

// Drives a rollout and keeps what happened.
class Story {
 public:
  Story() {
    rollout.spec = {.rollout_id = "r-1",
                    .model_id = "m",
                    .digest = std::string(64, 'b'),
                    .baseline = std::string(64, 'a'),
                    .shadow = 10,
                    .steps = {{5, 10}, {50, 10}}};
  }
  EventHead Head() { return {absl::StrFormat("e%d", ++events), 1, now}; }
  absl::Status Do(const RolloutEvent& event) {
    absl::StatusOr<RolloutStep> step = Apply(rollout, event);
    if (!step.ok()) return step.status();
    rollout = std::move(step->next);
    for (const Transition& t : step->transitions) stages.push_back(std::string(StageName(t.to)));
    // Durable: what is stored is all that there is.
    rollout = ParseRollout(RolloutJson(rollout)).value();
    return absl::OkStatus();
  }
  absl::Status Look(Verdict verdict, OnBreach on_breach = OnBreach::kRollback) {
    return Do(Looked{Head(), {Gate(verdict, on_breach)}});
  }
  void ToCanary() {
    ASSERT_OK(Do(Validated{Head(), {Gate(Verdict::kPass)}}));
    now += 10;
    ASSERT_OK(Look(Verdict::kPass));
    ASSERT_EQ(rollout.stage, Stage::kCanary);
  }

  Rollout rollout;
  Seconds now = 1000;
  int events = 0;
  std::vector<std::string> stages;
};

TEST(Rollout, GoesStepByStepAndIsStableOnlyWithTwoApprovals) {
  Story s;
  s.ToCanary();
  EXPECT_EQ(DesiredOf(s.rollout).percent, 5u);
  ASSERT_OK(s.Look(Verdict::kPass));
  EXPECT_EQ(DesiredOf(s.rollout).percent, 5u);  // it has not baked yet
  s.now += 10;
  ASSERT_OK(s.Look(Verdict::kPass));
  EXPECT_EQ(DesiredOf(s.rollout).percent, 50u);
  s.now += 10;
  ASSERT_OK(s.Look(Verdict::kPass));
  EXPECT_EQ(s.rollout.stage, Stage::kCanary);
  ASSERT_OK(s.Do(Approved{s.Head(), "ann"}));
  ASSERT_OK(s.Do(Approved{s.Head(), "ann"}));  // the same person twice is one
  EXPECT_EQ(s.rollout.stage, Stage::kCanary);
  ASSERT_OK(s.Do(Approved{s.Head(), "bob"}));
  EXPECT_EQ(s.rollout.stage, Stage::kStable);
  EXPECT_EQ(DesiredOf(s.rollout).percent, 100u);
  EXPECT_EQ(s.stages,
            (std::vector<std::string>{"validated", "shadow", "canary", "canary", "stable"}));
}

TEST(Rollout, PausesOnWhatIsInconclusiveAndOnNothing) {
  for (const bool nothing : {false, true}) {
    Story s;
    s.ToCanary();
    s.now += 100;
    ASSERT_OK(nothing ? s.Do(Looked{s.Head(), {}}) : s.Look(Verdict::kInconclusive));
    EXPECT_EQ(s.rollout.stage, Stage::kPaused);
    EXPECT_EQ(DesiredOf(s.rollout).percent, 5u);  // who has it keeps it
    EXPECT_THAT(s.Look(Verdict::kPass), StatusIs(StatusCode::kFailedPrecondition, "paused"));
    ASSERT_OK(s.Do(Resumed{s.Head(), "ann"}));
    EXPECT_EQ(s.rollout.stage, Stage::kCanary);
  }
}

TEST(Rollout, RollsBackByItselfFromEveryStageThatIsWatched) {
  for (int passes = 0; passes < 3; ++passes) {
    Story s;
    ASSERT_OK(s.Do(Validated{s.Head(), {}}));
    for (int i = 0; i < passes; ++i, s.now += 10) ASSERT_OK(s.Look(Verdict::kPass));
    ASSERT_OK(s.Look(Verdict::kBreach));
    EXPECT_EQ(s.rollout.stage, Stage::kRolledBack) << passes;
    EXPECT_TRUE(DesiredOf(s.rollout).back);
    EXPECT_EQ(DesiredOf(s.rollout).percent, 0u);
    EXPECT_FALSE(s.Look(Verdict::kPass).ok());
  }
}

TEST(Rollout, CountsBreachesUpToItsLimitAndPausesOnSoftOnes) {
  Story s;
  s.rollout.spec.failure_limit = 2;
  s.ToCanary();
  ASSERT_OK(s.Look(Verdict::kBreach));
  EXPECT_EQ(s.rollout.stage, Stage::kCanary);
  ASSERT_OK(s.Look(Verdict::kBreach, OnBreach::kPause));
  EXPECT_EQ(s.rollout.stage, Stage::kPaused);
  ASSERT_OK(s.Do(Resumed{s.Head(), "ann"}));
  ASSERT_OK(s.Look(Verdict::kBreach));  // the second, within two looks of the first
  EXPECT_EQ(s.rollout.stage, Stage::kRolledBack);
}

TEST(Rollout, IsRevokedByTwoAndNeverComesBack) {
  Story s;
  s.ToCanary();
  ASSERT_OK(s.Do(RevokeAsked{s.Head(), "ann", "wrong labels"}));
  EXPECT_EQ(s.rollout.stage, Stage::kCanary);
  ASSERT_OK(s.Do(Approved{s.Head(), "bob", true}));
  EXPECT_EQ(s.rollout.stage, Stage::kRevoked);
  EXPECT_TRUE(DesiredOf(s.rollout).revoked);
  EXPECT_FALSE(s.Do(Resumed{s.Head(), "ann"}).ok());
  EXPECT_FALSE(s.Do(RolledBackByHand{s.Head(), "ann"}).ok());
}

TEST(Rollout, AppliesAnEventOnceAndRefusesAnOldLeader) {
  Story s;
  s.ToCanary();
  const Looked look{{"again", 2, s.now + 10}, {Gate(Verdict::kPass)}};
  ASSERT_OK(s.Do(look));
  EXPECT_EQ(DesiredOf(s.rollout).percent, 50u);
  const std::string before = RolloutJson(s.rollout);
  ASSERT_OK(s.Do(look));
  EXPECT_EQ(RolloutJson(s.rollout), before);
  EXPECT_THAT(s.Do(PausedByHand{{"late", 1, s.now}, "old"}),
              StatusIs(StatusCode::kAborted, "term"));
}

TEST(Rollout, StaysADraftWhenAnOfflineGateDoesNotPass) {
  Story s;
  EXPECT_FALSE(s.Do(Validated{s.Head(), {Gate(Verdict::kInconclusive)}}).ok());
  EXPECT_EQ(s.rollout.stage, Stage::kDraft);
  std::string damaged = RolloutJson(s.rollout);
  damaged[damaged.size() / 2] ^= 1;
  EXPECT_FALSE(ParseRollout(damaged).ok() &&
               RolloutJson(ParseRollout(damaged).value()) == RolloutJson(s.rollout));
}

dp::PrivateAuc Auc(double auc, double error) {
  dp::PrivateAuc out{};
  out.auc = auc;
  out.standard_error = error;
  return out;
}

TEST(Gates, OfQualityTellOnlyWhatTheNoiseLetsThem) {
  const GateLimits limits;
  // Large hold-outs, little noise: a loss of 0.01 is seen at the first look.
  EXPECT_EQ(QualityGate(Auc(0.79, 0.001), Auc(0.80, 0.001), limits, 1).verdict, Verdict::kBreach);
  EXPECT_EQ(QualityGate(Auc(0.806, 0.001), Auc(0.80, 0.001), limits, 1).verdict, Verdict::kPass);
  // Small ones: the same loss could be chance. It says from where on it could have told.
  const GateResult wide = QualityGate(Auc(0.79, 0.02), Auc(0.80, 0.02), limits, 1);
  EXPECT_EQ(wide.verdict, Verdict::kInconclusive);
  EXPECT_GT(wide.detectable, 0.08);
  EXPECT_LT(wide.detectable, 0.12);
  EXPECT_LT(wide.low, 0.01);
  EXPECT_GT(wide.high, 0.01);
}

// Equal models, a look after every day for a year: the whole year errs once in 1 / alpha.
TEST(Gates, SpendTheirErrorOverAllLooks) {
  double spent = 0;
  for (std::uint32_t look = 1; look <= 365; ++look) spent += SpentAlpha(0.025, look);
  EXPECT_LT(spent, 0.025);
  EXPECT_GT(spent, 0.0249);
  EXPECT_NEAR(UpperQuantile(0.025), 1.959964, 1e-6);
  EXPECT_NEAR(UpperQuantile(0.001), 3.090232, 1e-6);
}

std::vector<std::int64_t> Histogram(std::uint32_t bins, double shift, double customers) {
  std::vector<std::int64_t> cells(2 * std::size_t{bins});
  for (std::uint32_t i = 0; i < bins; ++i) {
    const double at = (i + 0.5) / bins - 0.4 - shift;
    cells[i] = std::llround(customers * 256 * std::exp(-at * at * 20) / bins);
  }
  return cells;
}

TEST(Gates, OfDriftKnowNoiseFromChange) {
  const auto drift = [](std::vector<std::int64_t> canary, std::vector<std::int64_t> baseline,
                        double noise_sigma) {
    return DriftGate({{16, 8}, noise_sigma, std::move(canary)},
                     {{16, 8}, noise_sigma, std::move(baseline)}, GateLimits(), 1)
        .verdict;
  };
  const auto same = Histogram(16, 0, 20'000), moved = Histogram(16, 0.3, 20'000);
  EXPECT_EQ(drift(same, same, 2000), Verdict::kPass);
  EXPECT_EQ(drift(moved, same, 2000), Verdict::kBreach);
  // A few customers under the same noise: nothing can be said.
  EXPECT_EQ(drift(Histogram(16, 0, 30), Histogram(16, 0, 30), 8000), Verdict::kInconclusive);
  EXPECT_EQ(drift(std::vector<std::int64_t>(32), same, 2000), Verdict::kInconclusive);
  EXPECT_EQ(drift(Histogram(8, 0, 20'000), same, 2000), Verdict::kInconclusive);
}

// Ten bins of 2,000 customers each that buy `off` more often than predicted, in turns less often.
std::vector<dp::ReliabilityBin> Reliability(double off, double error, double noise = 0) {
  std::vector<dp::ReliabilityBin> bins;
  for (int i = 0; i < 10; ++i) {
    const double predicted = 0.05 + 0.1 * i, sign = i % 2 == 0 ? 1 : -1;
    bins.push_back({predicted, predicted + sign * off + sign * noise, error, 2000});
  }
  return bins;
}

TEST(Gates, OfCalibrationKnowNoiseFromBias) {
  const GateLimits limits;
  const auto good = Reliability(0.002, 0.0005), worse = Reliability(0.05, 0.0005);
  const GateResult breach = CalibrationGate(worse, good, limits, 1);
  EXPECT_EQ(CalibrationGate(good, good, limits, 1).verdict, Verdict::kPass);
  EXPECT_EQ(breach.verdict, Verdict::kBreach);
  EXPECT_EQ(breach.on_breach, OnBreach::kPause);
  EXPECT_NEAR(breach.value, 0.048, 1e-9);
  EXPECT_EQ(CalibrationGate(good, worse, limits, 1).verdict, Verdict::kPass);
  // The same, under noise of two standard deviations in every bin of one side: not a breach.
  const GateResult noisy =
      CalibrationGate(Reliability(0.002, 0.02, 0.04), Reliability(0.002, 0.02), limits, 1);
  EXPECT_EQ(noisy.verdict, Verdict::kInconclusive);
  EXPECT_GT(noisy.detectable, noisy.value);
  // The limit is in later looks no easier to break.
  EXPECT_LT(CalibrationGate(worse, good, limits, 5).low, breach.low);
  EXPECT_EQ(CalibrationGate(good, {}, limits, 1).verdict, Verdict::kInconclusive);
}

ServingCounters Counters(std::uint64_t requests, std::uint64_t errors, double microseconds) {
  ServingCounters c;
  c.requests = requests;
  c.errors = errors;
  for (std::uint64_t i = 0; i < requests; ++i)
    ++c.latency[rollout::LatencyBucket(i % 50 == 0 ? microseconds * 2 : microseconds)];
  c.installed = 3;
  return c;
}

TEST(Gates, OfServingSeeErrorsAndSlowness) {
  const GateLimits limits;
  const ServingCounters good = Counters(20'000, 4, 300), slow = Counters(20'000, 4, 450);
  EXPECT_EQ(ErrorGate(good, good, limits, 1).verdict, Verdict::kPass);
  EXPECT_EQ(ErrorGate(Counters(20'000, 400, 300), good, limits, 1).verdict, Verdict::kBreach);
  EXPECT_EQ(ErrorGate(Counters(49, 0, 300), good, limits, 1).verdict, Verdict::kInconclusive);
  EXPECT_EQ(LatencyGate(good, good, limits, 1).verdict, Verdict::kPass);
  EXPECT_EQ(LatencyGate(slow, good, limits, 1).verdict, Verdict::kBreach);  // half as much again
  EXPECT_EQ(LatencyGate(Counters(60, 0, 300), good, limits, 1).verdict, Verdict::kInconclusive);
}

TEST(Gates, OfIntegrityAreExact) {
  ServingCounters c = Counters(100, 0, 300);
  EXPECT_EQ(IntegrityGate(c).verdict, Verdict::kPass);
  EXPECT_EQ(NumericGate(c).verdict, Verdict::kPass);
  c.refused_integrity = 1;
  EXPECT_EQ(IntegrityGate(c).verdict, Verdict::kBreach);
  EXPECT_EQ(IntegrityGate(c).on_breach, OnBreach::kRevoke);
  c.refused_numbers = 1;
  EXPECT_EQ(NumericGate(c).verdict, Verdict::kBreach);
  EXPECT_EQ(NumericGate(ServingCounters()).verdict, Verdict::kInconclusive);
}

// The director says what the rollout wants, to whom, and never goes back in version.
TEST(Reconcile, AssignsRollsBackAndRespectsAVeto) {
  const fs::path folder = fs::path(testing::TempDir()) / absl::StrFormat("reconcile-%d", getpid());
  fs::remove_all(folder);
  SystemRng rng;
  const Ed25519Signer key(rng.NewSecret<32>());
  rollout::RoleSigners signers;
  rollout::Root root;
  root.federation_id = "fed.test";
  for (const rollout::Role role :
       {rollout::Role::kRoot, rollout::Role::kTargets, rollout::Role::kSnapshot,
        rollout::Role::kTimestamp, rollout::Role::kDirector}) {
    signers[role] = {&key};
    root.roles[role] = {{key.public_key()}, 1};
  }
  constexpr Seconds kNow = 1'800'000'100;
  auto repository = rollout::Repository::Create(folder, root, signers, kNow).value();
  Story s;
  std::vector<std::string*> digests = {&s.rollout.spec.baseline, &s.rollout.spec.digest};
  for (std::uint64_t i = 1; i <= 2; ++i) {
    const release::Files files = release::SampleFiles(i);
    *digests[i - 1] = HexEncode(release::RootDigest(files));
    ASSERT_OK(repository.Publish(files, signers, kNow));
  }
  s.now = kNow;
  std::vector<RolloutClient> clients;
  for (int i = 0; i < 40; ++i)
    clients.push_back({absl::StrFormat("spiffe://fed.test/tenant/acme/client/%d", i), i == 7});
  const auto sync = [&] { return Reconcile(s.rollout, clients, repository, signers, kNow); };
  const auto has = [&](const RolloutClient& c) { return repository.AssignedTo(c.id).value(); };
  ASSERT_OK(sync());
  s.ToCanary();
  s.now += 10;
  ASSERT_OK(s.Look(Verdict::kPass));  // 50 %
  ASSERT_OK(sync());
  int inside = 0;
  for (const RolloutClient& c : clients) {
    const bool wanted = !c.veto && rollout::IsInCohort("r-1", c.id, 50);
    inside += wanted;
    EXPECT_EQ(has(c).digest, wanted ? s.rollout.spec.digest : s.rollout.spec.baseline);
  }
  EXPECT_GT(inside, 5);
  const rollout::Director before = has(clients[0]);
  ASSERT_OK(sync());
  EXPECT_EQ(has(clients[0]).version, before.version);  // nothing to do
  ASSERT_OK(s.Look(Verdict::kBreach));
  ASSERT_OK(sync());
  for (const RolloutClient& c : clients) {
    EXPECT_EQ(has(c).digest, s.rollout.spec.baseline);
    EXPECT_EQ(has(c).rollback, !c.veto && rollout::IsInCohort("r-1", c.id, 50));
  }
  EXPECT_GE(has(clients[0]).version, before.version);
  ASSERT_OK(SaveRollout(s.rollout, folder / "rollout.json"));
  EXPECT_EQ(RolloutJson(LoadRollout(folder / "rollout.json").value()), RolloutJson(s.rollout));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace veilsum::coordinator
