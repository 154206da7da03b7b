// Runs that start from an earlier release: where the coordinator finds it, what it refuses, and
// that nobody needs it again once the run is there.
#include "base/file.h"
#include "coordinator/run/run_engine.h"
#include "coordinator/store/ledger_appender.h"
#include "model/transfer.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/coordinator/run/puppets.h"
#include "tests/unit/model/release/sample.h"
#include "tests/unit/model/small_ledger.h"

namespace veilsum::coordinator {
namespace {

using absl::StatusCode;

const release::Files& EarlierFiles() {
  static const release::Files files = release::SampleFiles();
  return files;
}

const EarlierRelease& Earlier() {
  static const auto earlier = std::make_shared<const release::Release>(
      *release::OpenPackage(EarlierFiles(), release::SampleSigner().public_key()));
  return earlier;
}

// The sample's own plan, from its own release or another digest.
model::Plan StartedPlan(const std::string& digest) {
  model::Plan plan = release::SamplePlan();
  plan.network.start = digest;
  return plan;
}

admin::v1::StartRunRequest StartedRequest(const model::Plan& plan,
                                          const std::string& tenants = "shop-") {
  admin::v1::StartRunRequest request;
  request.set_plan(model::PlanToJson(plan));
  for (const std::string& seat : model::SmallSeats(5, tenants)) {
    request.add_members(seat);
    request.add_size_classes(16);
  }
  request.set_seed(1);
  return request;
}

RunTerms StartedTerms(const std::string& digest) {
  return RunTerms::Create(StartedRequest(StartedPlan(digest)), {"fed.test", Hash32{7}}).value();
}

TEST(TrainingStateStart, IsTheReleaseThatThePlanNamesOrNone) {
  const EarlierRelease& earlier = Earlier();
  const RunTerms terms = StartedTerms(HexEncode(earlier->digest));
  ASSERT_OK_AND_ASSIGN(const TrainingState state, TrainingState::Create(terms, 3, earlier));
  EXPECT_EQ(state.iterate(), earlier->model);
  EXPECT_EQ(PublishedRecord(state).hash, model::ModelHash(earlier->model));
  EXPECT_THAT(TrainingState::Create(terms, 3),
              StatusIs(StatusCode::kFailedPrecondition, "is not at hand"));
  EXPECT_THAT(TrainingState::Create(StartedTerms(std::string(64, 'a')), 3, earlier),
              StatusIs(StatusCode::kFailedPrecondition, std::string(64, 'a')));
}

TEST(TrainingStateStart, StepsMoveItLikeAnyOther) {
  const EarlierRelease& earlier = Earlier();
  const RunTerms terms = StartedTerms(HexEncode(earlier->digest));
  ASSERT_OK_AND_ASSIGN(TrainingState state, TrainingState::Create(terms, 3, earlier));
  const std::vector<std::int64_t> sum(terms.layout().parameters(), 1 << 16);
  ASSERT_OK(state.Apply(terms, {1, 1}, sum, 5));
  EXPECT_EQ(state.step(), 1u);
  for (std::size_t i = terms.layout().buffers(); i < terms.layout().size(); ++i)
    ASSERT_NEAR(state.iterate()[i], earlier->model[i] - 0.01f, 1e-4) << i;  // Adam's first step
  ASSERT_OK_AND_ASSIGN(const TrainingState again, TrainingState::Restore(terms, state.Save()));
  EXPECT_EQ(again.iterate(), state.iterate());
}

// A coordinator that is killed before anything was approved, and has no releases any more.
TEST(RunMachineStart, ARestartBeforeTheFirstRoundNeedsNoPackage) {
  Puppets p;
  const EarlierRelease& earlier = Earlier();
  p.terms = StartedTerms(HexEncode(earlier->digest));
  ASSERT_OK_AND_ASSIGN(p.machine, RunMachine::Start(p.terms, 1, p.World(), p.now, earlier));
  const Hash32 first = p.port.offered.back();
  EXPECT_EQ(first, model::ModelHash(earlier->model));
  p.machine.reset();
  ASSERT_OK(p.Resume());
  EXPECT_EQ(p.port.offered.back(), first);
  EXPECT_EQ(*p.machine->published(), model::ModelBytes(earlier->model));
  EXPECT_EQ(p.machine->Progress().step(), 0u);
}

class StartEngine : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(release::WritePackage(EarlierFiles(), Package()));
    SetKey(release::SampleSigner().public_key());
    shelf_.emplace(folder_.path() / "packages", folder_.path() / "key.pem");
    Open(&*shelf_);
  }
  void Open(const ReleaseShelf* releases) {
    engine_.reset();
    RunEngineParts parts;
    parts.federation = {"fed.test", Hash32{7}};
    parts.store = store_.get();
    parts.releases = releases;
    parts.verifier = &verifier_;
    parts.rng = &rng_;
    parts.clock = &clock_;
    parts.log = [](std::string_view) {};
    ASSERT_OK_AND_ASSIGN(engine_, RunEngine::Start(std::move(parts)));
  }
  std::filesystem::path Package(const std::string& digest = Digest()) const {
    std::filesystem::create_directories(folder_.path() / "packages");
    return folder_.path() / "packages" / digest;
  }
  void SetKey(const P256PublicKey& key) {
    ASSERT_OK(WriteFile(folder_.path() / "key.pem", key.pem()));
  }
  static std::string Digest() { return HexEncode(Earlier()->digest); }
  auto StartRun(const std::string& digest = Digest()) {
    return engine_->StartRun(StartedRequest(StartedPlan(digest)));
  }
  Bytes FirstModel(const std::string& run) { return **engine_->Model(run, {}); }

  TempFolder folder_;
  std::unique_ptr<RunStore> store_ = NewMemoryRunStore();
  std::optional<ReleaseShelf> shelf_;
  secure_agg::FakeSeatVerifier verifier_;
  SeededRngForTests rng_{5};
  SteadyClock clock_;
  std::unique_ptr<RunEngine> engine_;
};

TEST_F(StartEngine, TakesTheReleaseFromItsFolder) {
  ASSERT_OK_AND_ASSIGN(const auto started, StartRun());
  EXPECT_EQ(FirstModel(started.run_id()), model::ModelBytes(Earlier()->model));
  ASSERT_OK_AND_ASSIGN(const auto shown, engine_->GetRun(started.run_id()));
  EXPECT_THAT(shown.plan(), testing::HasSubstr("\"start\":\"" + Digest() + "\""));
}

TEST_F(StartEngine, AnotherLabelStartsWithTheTrunk) {
  model::Plan plan = StartedPlan(Digest());
  plan.label.column = "z";
  ASSERT_OK_AND_ASSIGN(const auto started, engine_->StartRun(StartedRequest(plan)));
  ASSERT_OK_AND_ASSIGN(const model::ModelVector expected,
                       model::StartFrom(Earlier()->plan, Earlier()->model, plan, 1));
  EXPECT_EQ(FirstModel(started.run_id()), model::ModelBytes(expected));
  EXPECT_NE(expected, Earlier()->model);
}

// Once it has begun, neither the same request nor another coordinator on its store needs the
// package.
TEST_F(StartEngine, ARunThatHasBegunNeedsNoPackageAgain) {
  ASSERT_OK_AND_ASSIGN(const auto started, StartRun());
  const Bytes first = FirstModel(started.run_id());
  std::filesystem::remove_all(Package());
  ASSERT_OK_AND_ASSIGN(const auto again, StartRun());
  EXPECT_EQ(again.run_id(), started.run_id());
  Open(nullptr);
  EXPECT_EQ(FirstModel(started.run_id()), first);
  EXPECT_EQ(StartRun()->run_id(), started.run_id());
  ASSERT_OK(engine_->StopRun(started.run_id(), "enough"));
  Open(nullptr);
  EXPECT_EQ(StartRun()->run_id(), started.run_id());  // over, and there to be asked
}

TEST_F(StartEngine, WithoutAFolderThereIsNoStart) {
  Open(nullptr);
  EXPECT_THAT(StartRun().status(),
              StatusIs(StatusCode::kFailedPrecondition, "[transfer] packages"));
  EXPECT_TRUE(store_->UnfinishedRuns()->empty());
}

TEST_F(StartEngine, WhatIsNotVerifiedIsNoStart) {
  EXPECT_THAT(StartRun(std::string(64, 'a')).status(),
              StatusIs(StatusCode::kNotFound, "there is no release aaaa"));
  std::filesystem::copy(Package(), Package(std::string(64, 'b')),
                        std::filesystem::copy_options::recursive);
  EXPECT_THAT(StartRun(std::string(64, 'b')).status(),
              StatusIs(StatusCode::kFailedPrecondition, "the plan names release bbbb"));
  SetKey(P256Signer::Generate()->public_key());
  EXPECT_THAT(StartRun().status(), StatusIs(StatusCode::kFailedPrecondition, "M502"));
  SetKey(release::SampleSigner().public_key());
  ASSERT_OK(WriteFile(Package() / "model.safetensors", "other weights"));
  EXPECT_THAT(StartRun().status(), StatusIs(StatusCode::kFailedPrecondition, "M501"));
  EXPECT_TRUE(store_->UnfinishedRuns()->empty());
}

TEST_F(StartEngine, WhatDoesNotFitIsNamed) {
  model::Plan plan = StartedPlan(Digest());
  plan.network.hidden = {5};
  EXPECT_THAT(engine_->StartRun(StartedRequest(plan)).status(),
              StatusIs(StatusCode::kInvalidArgument, "model.hidden[1] is 5"));
}

// In the ledger of a coordinator whose earlier run has made it.
class StartAfterRevocation : public StartEngine {
 protected:
  void SetUp() override {
    LedgerOptions options;
    options.federation = "fed.test";
    options.actor = "spiffe://fed.test/coordinator/c1";
    options.signer = ledger::SmallKey(1).signer;
    store_ = NewMemoryRunStore(options).value();
    const ledger::SmallRun& run = ledger::SmallRun::Get();
    const MemberList members = ledger::LedgerSeats(7);
    ASSERT_OK(store_->CreateRun({"run-1", run.plan_json, run.contract_json, 7, "approving", ""},
                                {{}, 0, Bytes(10)}, Bytes{1}));
    for (const std::string& seat : members)
      ASSERT_OK(store_->SaveApproval(
          "run-1", {seat, Bytes(64, 1), Bytes(10, 1), ledger::SmallKey(40).signer->public_key()}));
    ASSERT_OK(store_->OpenBlock("run-1", {1, 1, Bytes(16, 1), 0, 0, Bytes(32, 2), members}));
    ASSERT_OK(store_->Freeze("run-1", 1, members));
    RoundCommit commit{1, members, 1, Hash32{3}, std::nullopt, Bytes{2}, {}};
    commit.model = ModelRecord{model::ModelHash(Earlier()->model), 1, Bytes(10)};
    ASSERT_OK(store_->Commit("run-1", commit));
    ASSERT_OK(store_->SetRunState("run-1", "finished", ""));
    StartEngine::SetUp();
  }
  absl::Status Publish() {
    const EarlierRelease& earlier = Earlier();
    return store_->appender()->AppendEntries(
        [&](const ledger::LedgerRules& rules) -> absl::StatusOr<LedgerChange> {
          ReleaseFacts facts{{}, "sample", "1.1.0", 1, earlier->digest, Hash32{9}, {}};
          facts.model = model::ModelHash(earlier->model);
          VEILSUM_ASSIGN_OR_RETURN(facts.contract_hash, ContractOfRun("run-1", rules));
          return PublishedEntries(facts, rules);
        });
  }
  absl::Status Revoke() {
    return store_->appender()->AppendEntries(
        [&](const ledger::LedgerRules& rules) -> absl::StatusOr<LedgerChange> {
          return RevokedEntries(Earlier()->digest, "wrong data",
                                {"spiffe://fed.test/federation/operator/ann",
                                 "spiffe://fed.test/federation/operator/bob"},
                                rules);
        });
  }
};

TEST_F(StartAfterRevocation, ARevokedReleaseIsNoStart) {
  ASSERT_OK(Publish());
  const std::uint64_t before = store_->ledger()->Head().size;
  ASSERT_OK(Revoke());
  EXPECT_THAT(StartRun().status(), StatusIs(StatusCode::kFailedPrecondition, "is revoked"));
  EXPECT_EQ(store_->ledger()->Head().size, before + 1);  // nothing but the revocation
}

TEST_F(StartAfterRevocation, APublishedReleaseIsOneAndItsRevocationEndsNoRun) {
  ASSERT_OK(Publish());
  ASSERT_OK_AND_ASSIGN(const auto started, StartRun());
  ASSERT_OK(Revoke());
  EXPECT_EQ(StartRun()->run_id(), started.run_id());
  EXPECT_EQ(FirstModel(started.run_id()), model::ModelBytes(Earlier()->model));
}

}  // namespace
}  // namespace veilsum::coordinator
