// The ledger of a run store, in every back end: each change has its entry, in the same transaction,
// and nothing that the ledger's rules forbid can happen.
#include "base/secure_rng.h"
#include "base/sqlite/database.h"
#include "coordinator/store/ledger_appender.h"
#include "coordinator/store/ledger_subjects.h"
#include "coordinator/store/run_store.h"
#include "tests/conformance/postgres_store.h"
#include "tests/support/test_pki.h"
#include "tests/unit/model/small_ledger.h"

namespace veilsum::coordinator {
namespace {

using absl::StatusCode;
using ledger::LedgerSeats;
using ledger::SmallRun;

MemberList Members(std::size_t count) { return LedgerSeats(count); }

struct BackEnd {
  const char* name;
  bool durable;
  absl::StatusOr<std::unique_ptr<RunStore>> (*open)(const std::filesystem::path&, LedgerOptions);
  void (*execute)(const std::filesystem::path&, const std::string& sql);  // behind its back
};

void ExecuteSqlite(const std::filesystem::path& folder, const std::string& sql) {
  ASSERT_OK(sqlite::Database::Open(folder / "runs.db")->Execute(sql));
}

class LedgerStoreTest : public testing::TestWithParam<BackEnd> {
 protected:
  void SetUp() override {
    InitialiseCrypto();
    const absl::Status opened = Open(1);
    if (absl::IsUnimplemented(opened)) GTEST_SKIP() << opened.message();
    ASSERT_OK(opened);
  }
  LedgerOptions Options(std::uint8_t key) const {
    LedgerOptions options;
    options.federation = "fed.test";
    options.actor = "spiffe://fed.test/coordinator/c1";
    options.signer = ledger::SmallKey(key).signer;
    return options;
  }
  absl::Status Open(std::uint8_t key) {
    store_.reset();
    VEILSUM_ASSIGN_OR_RETURN(store_, GetParam().open(folder_.path(), Options(key)));
    return absl::OkStatus();
  }
  RunStore& store() { return *store_; }
  LedgerView& view() { return *store_->ledger(); }

  static RunRecord Run() {
    const SmallRun& run = SmallRun::Get();
    return {"run-1", run.plan_json, run.contract_json, 7, "approving", ""};
  }
  absl::Status Create() { return store().CreateRun(Run(), {{}, 0, Bytes(10)}, Bytes{1}); }
  absl::Status Approve(const std::string& seat, std::uint8_t key = 40) {
    return store().SaveApproval(
        "run-1", {seat, Bytes(64, 1), Bytes(10, 1), ledger::SmallKey(key).signer->public_key()});
  }
  void Begin() {
    ASSERT_OK(Create());
    for (const std::string& seat : Members(7)) ASSERT_OK(Approve(seat));
  }
  absl::Status OpenBlock(std::uint64_t first, std::uint64_t last, std::uint32_t batch = 0) {
    return store().OpenBlock("run-1",
                             {first, last, Bytes(16, 1), batch, 0, Bytes(32, 2), Members(7)});
  }
  absl::Status Commit(std::uint64_t round, std::size_t survivors = 7) {
    VEILSUM_RETURN_IF_ERROR(store().Freeze("run-1", round, Members(survivors)));
    RoundCommit commit{round, Members(survivors), round, Hash32{3}, std::nullopt, Bytes{2}, {}};
    commit.model = ModelRecord{Hash32{static_cast<std::uint8_t>(round)}, round, Bytes(10)};
    return store().Commit("run-1", commit);
  }
  // What an auditor's rules make of all leaves.
  ledger::LedgerRules Replay() {
    ledger::LedgerRules rules([this](const Hash32& sha256) { return view().Blob(sha256); });
    for (std::uint64_t i = 0; i < view().Head().size; ++i)
      EXPECT_TRUE(rules.Apply(*view().Leaf(i)).empty()) << i;
    return rules;
  }
  std::vector<std::string> Types() {
    std::vector<std::string> types;
    for (std::uint64_t i = 0; i < view().Head().size; ++i)
      types.push_back(ledger::ParseEntry(*view().Leaf(i))->entry.type);
    return types;
  }

  TestFolder folder_;
  std::unique_ptr<RunStore> store_;
};

TEST_P(LedgerStoreTest, EveryChangeHasItsEntry) {
  EXPECT_EQ(Types(), std::vector<std::string>{"federation.genesis"});
  Begin();
  ASSERT_OK(OpenBlock(1, 4));
  ASSERT_OK(Commit(1));
  ASSERT_OK(store().Abort("run-1", 2, "too few"));
  ASSERT_OK(store().Abort("run-1", 2, "again"));
  ASSERT_OK(Commit(3, 6));
  ASSERT_OK(store().Abort("run-1", 4, "the run ended"));
  ASSERT_OK(store().SetRunState("run-1", "training", ""));
  ASSERT_OK(store().SetRunState("run-1", "finished", ""));
  std::vector<std::string> types = {"federation.genesis", "plan.registered"};
  for (int i = 0; i < 7; ++i) types.insert(types.end(), {"key.registered", "budget.reserved"});
  types.insert(types.end(), {"rounds.opened", "round.committed", "round.aborted", "round.committed",
                             "round.aborted", "run.ended"});
  EXPECT_EQ(Types(), types);
  const ledger::LedgerRules rules = Replay();
  const ledger::RegisteredRun& run = rules.runs().at(SmallRun::Get().name);
  EXPECT_EQ(run.opened, 4u);
  EXPECT_EQ(run.committed, 2u);
  EXPECT_TRUE(run.ended);
  ASSERT_OK_AND_ASSIGN(const std::uint64_t committed,
                       view().Find("round.committed", RoundSubject("run-1", 3)));
  const auto entry = ledger::ParseEntry(*view().Leaf(committed))->entry;
  EXPECT_EQ(entry.body["model_sha256"], HexEncode(Hash32{3}));
  EXPECT_EQ(entry.body["survivors"].size(), 6u);
}

// Asked twice, each is there once; what the rules forbid is not there at all.
TEST_P(LedgerStoreTest, TellsOfStatementsAndReleases) {
  Begin();
  ledger::TenantStatement policy{"policy.set",
                                 "fed.test",
                                 Members(1)[0],
                                 "2026-11-21T19:00:00.000Z",
                                 {{"epsilon_cap", "9"}, {"delta_cap", "1e-5"}},
                                 {}};
  const ledger::SmallKey key(41);
  const auto signed_policy =
      ledger::ParseStatement(ledger::SignStatement(policy, *key.signer).value()).value();
  ASSERT_OK(OpenBlock(1, 1));
  ASSERT_OK(Commit(1));
  ReleaseFacts release{SmallRun::Get().name, "pref", "1.0.0", 1, {7}, {8}, Hash32{1}};
  LedgerAppender& ledger = *store().appender();
  for (int twice = 0; twice < 2; ++twice) {
    ASSERT_OK(ledger.AppendEntries([&](const ledger::LedgerRules& rules) {
      return StatementEntries(signed_policy, key.signer->public_key(), rules);
    }));
    ASSERT_OK(ledger.AppendEntries(
        [&](const ledger::LedgerRules& rules) { return PublishedEntries(release, rules); }));
    ASSERT_OK(ledger.AppendEntries([&](const ledger::LedgerRules& rules) {
      return TransitionEntries({"r1", {7}, "draft", "canary", 5, "", std::nullopt, {}}, rules);
    }));
  }
  const tlog::Checkpoint head = view().Head();
  const auto make_stable = [&](const char* from, const std::vector<std::string>& approvers) {
    return ledger.AppendEntries([&](const ledger::LedgerRules& rules) {
      return TransitionEntries({"r1", {7}, from, "stable", 100, "", std::nullopt, approvers},
                               rules);
    });
  };
  EXPECT_THAT(make_stable("shadow", {"ann", "bob"}),
              StatusIs(StatusCode::kFailedPrecondition, "S209"));
  EXPECT_THAT(make_stable("canary", {"ann"}), StatusIs(StatusCode::kFailedPrecondition, "S211"));
  EXPECT_EQ(view().Head(), head);
  ASSERT_OK(ledger.AppendEntries([&](const ledger::LedgerRules& rules) {
    return RevokedEntries({7}, "wrong data", {"ann", "bob"}, rules);
  }));
  const std::vector<std::string> types = Types();
  const std::vector<std::string> last(types.end() - 6, types.end());
  EXPECT_EQ(last, (std::vector<std::string>{"key.revoked", "key.registered", "policy.set",
                                            "release.published", "rollout.transition",
                                            "release.revoked"}));
  const ledger::LedgerRules rules = Replay();
  EXPECT_EQ(rules.policies().at("shop-0").cap.epsilon, 9);
  EXPECT_TRUE(rules.releases().at(HexEncode(Hash32{7})).revoked);
}

TEST_P(LedgerStoreTest, HeadsAndProofsHold) {
  Begin();
  const tlog::Checkpoint before = view().Head();
  ASSERT_OK(OpenBlock(1, 2));
  ASSERT_OK(Commit(1));
  const tlog::Checkpoint head = view().Head();
  ASSERT_OK_AND_ASSIGN(const tlog::Note note, view().SignedHead());
  const auto key = tlog::VerifierKey::Create("fed.test/ledger", tlog::KeyType::kEd25519,
                                             Options(1).signer->public_key());
  EXPECT_EQ(*tlog::OpenCheckpoint(note, *key), head);
  ASSERT_OK_AND_ASSIGN(const tlog::Proof consistency,
                       view().ProveConsistency(before.size, head.size));
  EXPECT_OK(tlog::VerifyConsistency(before.size, before.root, head.size, head.root, consistency));
  for (std::uint64_t i = 0; i < head.size; ++i) {
    ASSERT_OK_AND_ASSIGN(const ProvedLeaf proved, view().Prove(i, head.size));
    EXPECT_OK(
        tlog::VerifyInclusion(tlog::LeafHash(proved.leaf), i, head.size, head.root, proved.proof));
  }
  const ledger::SmallKey witness(9);
  const tlog::VerifierKey vkey = witness.As("w", tlog::KeyType::kCosignature);
  view().AddCosignature(
      head.size, vkey,
      tlog::Cosign(note.text, tlog::UnixTime(std::chrono::seconds(5)), vkey, *witness.signer));
  ASSERT_OK(view().KeepCosignatures());
  ASSERT_OK_AND_ASSIGN(const tlog::Note cosigned, view().SignedHead());
  EXPECT_OK(tlog::VerifyCosignature(cosigned, vkey));
  ASSERT_OK(store().Abort("run-1", 2, "over"));
  EXPECT_THAT(tlog::VerifyCosignature(*view().SignedHead(), vkey),
              StatusIs(StatusCode::kNotFound, ""))
      << "a cosignature is of one head";
}

TEST_P(LedgerStoreTest, WhatTheRulesForbidDoesNotHappen) {
  ASSERT_OK(Create());
  EXPECT_THAT(OpenBlock(1, 4), StatusIs(StatusCode::kFailedPrecondition, "S203"))
      << "nobody has reserved";
  EXPECT_EQ(store().Snapshot("run-1")->last_opened, 0u);
  for (const std::string& seat : Members(7)) ASSERT_OK(Approve(seat));
  const std::uint64_t size = view().Head().size;
  EXPECT_THAT(OpenBlock(3, 4), StatusIs(StatusCode::kFailedPrecondition, "S204"));
  EXPECT_EQ(view().Head().size, size);
  ASSERT_OK(OpenBlock(1, 2));
  EXPECT_THAT(OpenBlock(3, 4, 1), StatusIs(StatusCode::kFailedPrecondition, "still open"));
  EXPECT_THAT(Commit(1, 3), StatusIs(StatusCode::kFailedPrecondition, "S206"));
  EXPECT_EQ(store().LoadRound("run-1", 1)->state, RoundState::kFrozen);
  EXPECT_EQ(view().Head().size, size + 1);
  Replay();
}

TEST_P(LedgerStoreTest, AnApprovalAgainSaysNothingNewButANewKeyDoes) {
  Begin();
  const std::uint64_t size = view().Head().size;
  ASSERT_OK(Approve(Members(1)[0]));
  EXPECT_EQ(view().Head().size, size);
  ASSERT_OK(Approve(Members(1)[0], 41));
  const std::vector<std::string> types = Types();
  EXPECT_EQ(
      std::vector<std::string>(types.begin() + static_cast<std::ptrdiff_t>(size), types.end()),
      (std::vector<std::string>{"key.revoked", "key.registered"}));
  Replay();
}

TEST_P(LedgerStoreTest, RoundsThatARestartFoundOpenAreAborted) {
  Begin();
  ASSERT_OK(OpenBlock(1, 3));
  ASSERT_OK(Commit(1));
  if (GetParam().durable) {
    ASSERT_OK(Open(1));
  }
  ASSERT_OK_AND_ASSIGN(const std::uint64_t aborted, store().RecoverOpenRounds("run-1"));
  EXPECT_EQ(aborted, 2u);
  const ledger::LedgerRules rules = Replay();
  EXPECT_TRUE(rules.runs().at(SmallRun::Get().name).open.empty());
  EXPECT_OK(OpenBlock(4, 5, 1));
}

TEST_P(LedgerStoreTest, LongListsAreBlobs) {
  MemberList many;
  for (int i = 0; i < 40; ++i)
    many.push_back(absl::StrFormat("spiffe://fed.test/tenant/shop-%02d/client/a", i));
  ASSERT_OK(Create());
  EXPECT_THAT(store().OpenBlock("run-1", {1, 2, Bytes(16, 1), 0, 0, Bytes(32, 2), many}),
              StatusIs(StatusCode::kFailedPrecondition, "S206"))
      << "the rules have read the list: its seats are no members";
}

TEST_P(LedgerStoreTest, ADatabaseOfAnotherKeyOrWithAChangedLeafStopsTheStart) {
  if (!GetParam().durable) GTEST_SKIP() << "forgets";
  Begin();
  EXPECT_THAT(Open(2), StatusIs(StatusCode::kDataLoss, "another actor"));
  GetParam().execute(folder_.path(),
                     "UPDATE ledger SET leaf = (SELECT leaf FROM ledger WHERE leaf_index = 2) "
                     "WHERE leaf_index = 4");
  EXPECT_THAT(Open(1), StatusIs(StatusCode::kDataLoss, "E104"));
  GetParam().execute(folder_.path(), "DELETE FROM ledger WHERE leaf_index >= 4");
  EXPECT_THAT(Open(1), StatusIs(StatusCode::kDataLoss, "stored head"));
}

INSTANTIATE_TEST_SUITE_P(
    BackEnds, LedgerStoreTest,
    testing::Values(BackEnd{"Memory", false,
                            [](const std::filesystem::path&, LedgerOptions options) {
                              return NewMemoryRunStore(std::move(options));
                            },
                            nullptr},
                    BackEnd{"Sqlite", true,
                            [](const std::filesystem::path& folder, LedgerOptions options) {
                              SqliteRunStoreOptions open;
                              open.ledger = std::move(options);
                              return OpenSqliteRunStore(folder / "runs.db", open);
                            },
                            &ExecuteSqlite},
                    BackEnd{"Postgres", true,
                            [](const std::filesystem::path& folder, LedgerOptions options) {
                              PostgresRunStoreOptions open;
                              open.ledger = std::move(options);
                              return OpenTestPostgres(folder, open);
                            },
                            &ExecuteTestPostgres}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace veilsum::coordinator
