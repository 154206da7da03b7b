// One contract, every back end of RunStore.
#include "coordinator/store/run_store.h"

#include "tests/conformance/postgres_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"

namespace veilsum::coordinator {
namespace {

using absl::StatusCode;

const MemberList kV = {"a", "b", "c"};
const MemberList kU = {"a", "c"};

RunRecord NewRun(const std::string& id) {
  return {id, "{\"plan\":1}", "{\"contract\":1}", 7, "approving", ""};
}

ModelRecord Model(std::uint8_t tag, std::uint64_t step) {
  ModelRecord model;
  model.hash.fill(tag);
  model.step = step;
  model.bytes.assign(100, tag);
  return model;
}

Block BlockOf(std::uint64_t first, std::uint64_t last, std::uint32_t batch,
              const MemberList& members = kV) {
  return {first, last, Bytes(16, 1), batch, 0, Bytes(32, 2), members};
}

RoundCommit CommitOf(std::uint64_t round, std::uint64_t step, const MemberList& survivors = kU) {
  RoundCommit commit;
  commit.round = round;
  commit.survivors = survivors;
  commit.step = step;
  commit.sum_hash.fill(static_cast<std::uint8_t>(round));
  commit.model = Model(static_cast<std::uint8_t>(100 + round), step);
  commit.engine_state = {static_cast<std::uint8_t>(round)};
  return commit;
}

struct RunBackEnd {
  const char* name;
  bool durable;
  std::unique_ptr<RunStore> (*open)(const std::filesystem::path& folder);
};

class RunStoreTest : public testing::TestWithParam<RunBackEnd> {
 protected:
  void SetUp() override {
    if (store_ == nullptr) GTEST_SKIP() << "no PostgreSQL here";
  }
  RunStore& store() { return *store_; }
  void Reopen() {
    if (!GetParam().durable) return;
    store_.reset();
    store_ = GetParam().open(folder_.path());
  }
  void CreateAndOpen() {
    ASSERT_OK(store().CreateRun(NewRun("r"), Model(1, 0), Bytes{9}));
    ASSERT_OK(store().OpenBlock("r", BlockOf(1, 4, 0)));
  }
  RunSnapshot Snapshot() { return *store().Snapshot("r"); }

  TestFolder folder_;
  std::unique_ptr<RunStore> store_ = GetParam().open(folder_.path());
};

TEST_P(RunStoreTest, CreatingTheSameRunAgainIsNoError) {
  const RunRecord run = NewRun("r");
  ASSERT_OK(store().CreateRun(run, Model(1, 0), Bytes{9}));
  EXPECT_OK(store().CreateRun(run, Model(1, 0), Bytes{9}));
  RunRecord other = run;
  other.plan = "{}";
  EXPECT_THAT(store().CreateRun(other, Model(1, 0), {}),
              StatusIs(StatusCode::kAlreadyExists, "another"));
  EXPECT_THAT(store().CreateRun(run, Model(2, 0), {}),
              StatusIs(StatusCode::kAlreadyExists, "another"));
  EXPECT_THAT(store().CreateRun(NewRun(""), Model(1, 0), {}),
              StatusIs(StatusCode::kInvalidArgument, "run_id"));
  EXPECT_THAT(store().CreateRun(NewRun("s"), Model(1, 1), {}),
              StatusIs(StatusCode::kInvalidArgument, "must be 0"));
  Reopen();
  ASSERT_OK_AND_ASSIGN(const RunRecord loaded, store().LoadRun("r"));
  EXPECT_EQ(loaded, run);
  EXPECT_THAT(store().LoadRun("s"), StatusIs(StatusCode::kNotFound, "no run s"));
}

TEST_P(RunStoreTest, UnfinishedRunsAreListedTheNewestFirst) {
  EXPECT_TRUE(store().UnfinishedRuns()->empty());
  for (const char* id : {"z", "m", "a"}) ASSERT_OK(store().CreateRun(NewRun(id), Model(1, 0), {}));
  ASSERT_OK(store().SetRunState("a", "finished", "all steps"));
  EXPECT_EQ(*store().UnfinishedRuns(), (std::vector<std::string>{"m", "z"}));
  Reopen();
  EXPECT_EQ(*store().UnfinishedRuns(), (std::vector<std::string>{"m", "z"}));
}

TEST_P(RunStoreTest, AFinalStateStays) {
  ASSERT_OK(store().CreateRun(NewRun("r"), Model(1, 0), {}));
  ASSERT_OK(store().SetRunState("r", "training", ""));
  ASSERT_OK(store().SetRunState("r", "stopped", "asked to"));
  EXPECT_OK(store().SetRunState("r", "stopped", "again"));
  EXPECT_THAT(store().SetRunState("r", "training", ""),
              StatusIs(StatusCode::kFailedPrecondition, "for good"));
  EXPECT_THAT(store().OpenBlock("r", BlockOf(1, 1, 0)),
              StatusIs(StatusCode::kFailedPrecondition, "stopped"));
  Reopen();
  EXPECT_EQ(Snapshot().run.reason, "asked to");
}

TEST_P(RunStoreTest, ApprovalsAreKeptAndReplaced) {
  ASSERT_OK(store().CreateRun(NewRun("r"), Model(1, 0), {}));
  ASSERT_OK(store().SaveApproval("r", {"b", Bytes(64, 1), Bytes(10, 1)}));
  ASSERT_OK(store().SaveApproval("r", {"a", Bytes(64, 2), Bytes(10, 2)}));
  ASSERT_OK(store().SaveApproval("r", {"b", Bytes(64, 3), Bytes(10, 3)}));
  EXPECT_THAT(store().SaveApproval("r", {"a", Bytes(63), Bytes(10)}),
              StatusIs(StatusCode::kInvalidArgument, "signature"));
  EXPECT_THAT(store().SaveApproval("q", {"a", Bytes(64), Bytes(10)}),
              StatusIs(StatusCode::kNotFound, "q"));
  Reopen();
  const auto approvals = Snapshot().approvals;
  ASSERT_EQ(approvals.size(), 2u);
  EXPECT_EQ(approvals[0].member, "a");
  EXPECT_EQ(approvals[1].signature, Bytes(64, 3));
}

TEST_P(RunStoreTest, OpeningABlockChargesAllOfItToAllOfV) {  // SE-07, SE-10
  CreateAndOpen();
  ASSERT_OK(store().OpenBlock("r", BlockOf(5, 6, 1, {"b", "d"})));
  Reopen();
  const RunSnapshot snapshot = Snapshot();
  EXPECT_EQ(snapshot.last_opened, 6u);
  EXPECT_EQ(snapshot.charged,
            (std::map<std::string, std::uint64_t>{{"a", 4}, {"b", 6}, {"c", 4}, {"d", 2}}));
  ASSERT_EQ(snapshot.open_rounds.size(), 6u);
  EXPECT_EQ(snapshot.open_rounds[5].slot, 1u);
  EXPECT_EQ(snapshot.open_rounds[5].block_first, 5u);
  ASSERT_OK_AND_ASSIGN(const auto blocks, store().Blocks("r"));
  EXPECT_EQ(blocks, (std::vector<Block>{BlockOf(1, 4, 0), BlockOf(5, 6, 1, {"b", "d"})}));
}

TEST_P(RunStoreTest, RoundsAreOpenedInOrderAndOnce) {
  CreateAndOpen();
  EXPECT_THAT(store().OpenBlock("r", BlockOf(4, 8, 1)),
              StatusIs(StatusCode::kFailedPrecondition, "must start at 5"));
  EXPECT_THAT(store().OpenBlock("r", BlockOf(1, 4, 0)),
              StatusIs(StatusCode::kFailedPrecondition, "must start at 5"));
  EXPECT_THAT(store().OpenBlock("r", BlockOf(5, 8, 0)),
              StatusIs(StatusCode::kFailedPrecondition, ""));  // the same batch
  EXPECT_THAT(store().OpenBlock("r", BlockOf(5, 69, 1)),
              StatusIs(StatusCode::kInvalidArgument, "must hold 1 to 64"));
  EXPECT_THAT(store().OpenBlock("r", BlockOf(5, 4, 1)),
              StatusIs(StatusCode::kInvalidArgument, "block"));
  EXPECT_THAT(store().OpenBlock("r", BlockOf(5, 8, 1, {"b", "a"})),
              StatusIs(StatusCode::kInvalidArgument, "ascending"));
  EXPECT_THAT(store().OpenBlock("r", BlockOf(5, 8, 1, {})),
              StatusIs(StatusCode::kInvalidArgument, "V"));
  EXPECT_EQ(Snapshot().last_opened, 4u);
  EXPECT_EQ(Snapshot().charged["a"], 4u);
}

// Attempts that nobody needed: no round, no charge, and never any more.
TEST_P(RunStoreTest, RoundsMayBePassedOver) {
  CreateAndOpen();
  ASSERT_OK(store().OpenBlock("r", BlockOf(9, 9, 1)));
  Reopen();
  EXPECT_EQ(Snapshot().last_opened, 9u);
  EXPECT_EQ(Snapshot().charged["a"], 5u);
  EXPECT_THAT(store().LoadRound("r", 6), StatusIs(StatusCode::kNotFound, ""));
  EXPECT_EQ(store().LoadRound("r", 9)->slot, 0u);
  EXPECT_THAT(store().OpenBlock("r", BlockOf(5, 8, 2)),
              StatusIs(StatusCode::kFailedPrecondition, "must start at 10"));
}

TEST_P(RunStoreTest, UIsFixedOnce) {  // SA-22
  CreateAndOpen();
  ASSERT_OK(store().Freeze("r", 1, kU));
  Reopen();
  EXPECT_OK(store().Freeze("r", 1, kU));
  EXPECT_THAT(store().Freeze("r", 1, kV), StatusIs(StatusCode::kFailedPrecondition, "SA-22"));
  EXPECT_THAT(store().Freeze("r", 2, {"a", "x"}),
              StatusIs(StatusCode::kInvalidArgument, "not in V"));
  EXPECT_THAT(store().Freeze("r", 5, kU), StatusIs(StatusCode::kNotFound, "no round 5"));
  ASSERT_OK(store().Abort("r", 3, "too few"));
  EXPECT_THAT(store().Freeze("r", 3, kU), StatusIs(StatusCode::kFailedPrecondition, "aborted"));
  ASSERT_OK_AND_ASSIGN(const RoundRecord round, store().LoadRound("r", 1));
  EXPECT_EQ(round.state, RoundState::kFrozen);
  EXPECT_EQ(round.survivors, kU);
}

TEST_P(RunStoreTest, OnlyAFrozenRoundIsCommittedAndAllOfItTogether) {
  CreateAndOpen();
  EXPECT_THAT(store().Commit("r", CommitOf(1, 1)),
              StatusIs(StatusCode::kFailedPrecondition, "only a frozen"));
  ASSERT_OK(store().Freeze("r", 1, kU));
  EXPECT_THAT(store().Commit("r", CommitOf(1, 1, kV)),
              StatusIs(StatusCode::kFailedPrecondition, "SA-22"));
  RoundCommit odd = CommitOf(1, 1);
  odd.model->step = 2;
  EXPECT_THAT(store().Commit("r", odd), StatusIs(StatusCode::kInvalidArgument, "model of step 2"));
  EXPECT_EQ(Snapshot().step, 0u);
  EXPECT_EQ(Snapshot().engine_state, Bytes{9});
  ASSERT_OK(store().Commit("r", CommitOf(1, 1)));
  EXPECT_THAT(store().Commit("r", CommitOf(1, 1)),
              StatusIs(StatusCode::kFailedPrecondition, "committed"));
  EXPECT_THAT(store().Abort("r", 1, "late"),
              StatusIs(StatusCode::kFailedPrecondition, "committed"));
  Reopen();
  const RunSnapshot snapshot = Snapshot();
  EXPECT_EQ(snapshot.step, 1u);
  EXPECT_EQ(snapshot.engine_state, Bytes{1});
  EXPECT_EQ(snapshot.latest_model, HexEncode(Model(101, 1).hash));
  EXPECT_EQ(*snapshot.latest_model_bytes, Model(101, 1).bytes);
  EXPECT_EQ(snapshot.last_survivors, 2u);
  EXPECT_EQ(snapshot.min_survivors, 2u);
  EXPECT_EQ(snapshot.open_rounds.size(), 3u);
  ASSERT_OK_AND_ASSIGN(const RoundRecord round, store().LoadRound("r", 1));
  EXPECT_EQ(round.state, RoundState::kCommitted);
  EXPECT_EQ(round.sum_hash, Bytes(32, 1));
  EXPECT_EQ(round.model_hash, Bytes(32, 101));
}

// A cohort of U that failed after the freeze: the sum is without it, and so is the record.
TEST_P(RunStoreTest, SA22_WhatACommitHasLostIsPartOfTheFrozenU) {
  CreateAndOpen();
  ASSERT_OK(store().Freeze("r", 1, kU));
  RoundCommit commit = CommitOf(1, 1, {"a"});
  EXPECT_THAT(store().Commit("r", commit), StatusIs(StatusCode::kFailedPrecondition, "SA-22"));
  commit.lost = {"b"};
  EXPECT_THAT(store().Commit("r", commit), StatusIs(StatusCode::kFailedPrecondition, "SA-22"));
  commit.lost = {"a", "c"};
  EXPECT_THAT(store().Commit("r", commit), StatusIs(StatusCode::kFailedPrecondition, "SA-22"));
  RoundCommit nobody = CommitOf(1, 1, {});
  nobody.lost = kU;
  EXPECT_THAT(store().Commit("r", nobody), StatusIs(StatusCode::kFailedPrecondition, "SA-22"));
  commit.lost = {"c"};
  ASSERT_OK(store().Commit("r", commit));
  Reopen();
  EXPECT_EQ(store().LoadRound("r", 1)->survivors, MemberList{"a"});
  EXPECT_EQ(Snapshot().last_survivors, 1u);
}

TEST_P(RunStoreTest, ASumWithoutAModelKeepsTheModel) {
  CreateAndOpen();
  ASSERT_OK(store().Freeze("r", 1, kV));
  RoundCommit commit = CommitOf(1, 0, kV);
  commit.model.reset();
  ASSERT_OK(store().Commit("r", commit));
  EXPECT_EQ(Snapshot().latest_model, HexEncode(Model(1, 0).hash));
  EXPECT_FALSE(Snapshot().min_survivors.has_value());
  ASSERT_OK(store().Freeze("r", 2, kU));
  ASSERT_OK(store().Commit("r", CommitOf(2, 3)));
  ASSERT_OK(store().Freeze("r", 3, kU));
  EXPECT_THAT(store().Commit("r", CommitOf(3, 2)),
              StatusIs(StatusCode::kInvalidArgument, "the run is at 3"));
}

TEST_P(RunStoreTest, AnAbortedRoundStaysCharged) {  // SE-07
  CreateAndOpen();
  ASSERT_OK(store().Abort("r", 2, "below U_min"));
  EXPECT_OK(store().Abort("r", 2, "another reason"));
  ASSERT_OK(store().Freeze("r", 3, kU));
  ASSERT_OK(store().Abort("r", 3, "bad share"));
  Reopen();
  EXPECT_EQ(Snapshot().aborted, 2u);
  EXPECT_EQ(Snapshot().charged["a"], 4u);
  ASSERT_OK_AND_ASSIGN(const RoundRecord round, store().LoadRound("r", 2));
  EXPECT_EQ(round.reason, "below U_min");
}

TEST_P(RunStoreTest, ARestartAbortsWhatWasUnderWay) {
  CreateAndOpen();
  ASSERT_OK(store().Freeze("r", 1, kU));
  ASSERT_OK(store().Commit("r", CommitOf(1, 1)));
  ASSERT_OK(store().Freeze("r", 2, kU));
  Reopen();
  ASSERT_OK_AND_ASSIGN(const std::uint64_t recovered, store().RecoverOpenRounds("r"));
  EXPECT_EQ(recovered, 3u);
  const RunSnapshot snapshot = Snapshot();
  EXPECT_TRUE(snapshot.open_rounds.empty());
  EXPECT_EQ(snapshot.aborted, 3u);
  EXPECT_EQ(snapshot.charged.at("a"), 4u);
  EXPECT_EQ(snapshot.step, 1u);
  ASSERT_OK_AND_ASSIGN(const RoundRecord round, store().LoadRound("r", 2));
  EXPECT_EQ(round.reason, "coordinator restarted");
  ASSERT_OK_AND_ASSIGN(const std::uint64_t again, store().RecoverOpenRounds("r"));
  EXPECT_EQ(again, 0u);
  EXPECT_OK(store().OpenBlock("r", BlockOf(5, 8, 1)));
}

TEST_P(RunStoreTest, TheLatestModelsAndTheFirstAreKept) {
  ASSERT_OK(store().CreateRun(NewRun("r"), Model(1, 0), {}));
  ASSERT_OK(store().OpenBlock("r", BlockOf(1, 12, 0)));
  for (std::uint64_t r = 1; r <= 12; ++r) {
    ASSERT_OK(store().Freeze("r", r, kU));
    ASSERT_OK(store().Commit("r", CommitOf(r, r)));
  }
  for (std::uint64_t r = 1; r <= 12; ++r)
    EXPECT_EQ(store().LoadModel("r", CommitOf(r, r).model->hash).ok(), r > 12 - kModelsKept) << r;
  ASSERT_OK_AND_ASSIGN(const auto first, store().LoadModel("r", Model(1, 0).hash));
  EXPECT_EQ(*first, Model(1, 0).bytes);
}

TEST_P(RunStoreTest, RunsDoNotMix) {
  CreateAndOpen();
  ASSERT_OK(store().CreateRun(NewRun("s"), Model(5, 0), {}));
  ASSERT_OK(store().OpenBlock("s", BlockOf(1, 1, 0, {"a"})));
  EXPECT_EQ(Snapshot().charged["a"], 4u);
  EXPECT_THAT(store().LoadModel("r", Model(5, 0).hash),
              StatusIs(StatusCode::kNotFound, "keeps no model"));
}

INSTANTIATE_TEST_SUITE_P(
    BackEnds, RunStoreTest,
    testing::Values(RunBackEnd{"Memory", false,
                               [](const std::filesystem::path&) { return NewMemoryRunStore(); }},
                    RunBackEnd{"Sqlite", true,
                               [](const std::filesystem::path& folder) {
                                 return *OpenSqliteRunStore(folder / "runs.db");
                               }},
                    RunBackEnd{"Postgres", true,
                               [](const std::filesystem::path& folder) {
                                 auto store = OpenTestPostgres(folder);
                                 return store.ok() ? *std::move(store) : nullptr;
                               }}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace veilsum::coordinator
