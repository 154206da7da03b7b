// A merchant's witness against what the coordinator's ledger shows it: an honest one is cosigned,
// every other one stops it with a reason of its own.
#include "client/witness/ledger_guard.h"

#include "base/secure_rng.h"
#include "coordinator/run/ledger_feed.h"
#include "coordinator/store/run_store.h"
#include "model/ledger/witness_name.h"
#include "tests/support/test_pki.h"
#include "tests/unit/model/small_ledger.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;
using coordinator::LedgerFeed;
using coordinator::MemberList;
using coordinator::RunStore;
using coordinator::v1::LedgerHead;
using ledger::LedgerSeats;
using ledger::SmallKey;
using ledger::SmallRun;

constexpr auto kNow = std::chrono::system_clock::time_point(std::chrono::seconds(1'800'000'000));

// A coordinator's ledger. Two of them with the same calls are the same to the last byte.
class History {
 public:
  explicit History(std::uint8_t key = 1, const Hash32& root_ca = Hash32{7}) {
    coordinator::LedgerOptions options;
    options.federation = "fed.test";
    options.actor = "spiffe://fed.test/coordinator/c1";
    options.root_ca = root_ca;
    options.signer = SmallKey(key).signer;
    options.now = [] { return kNow; };
    store_ = coordinator::NewMemoryRunStore(options).value();
    const SmallRun& run = SmallRun::Get();
    EXPECT_OK(store_->CreateRun({"run-1", run.plan_json, run.contract_json, 7, "approving", ""},
                                {{}, 0, Bytes(10)}, Bytes{1}));
    for (std::size_t i = 0; i < 7; ++i)
      EXPECT_OK(store_->SaveApproval("run-1", {LedgerSeats(7)[i], Bytes(64, 1), Bytes(10, 1),
                                               SmallKey(30).signer->public_key()}));
  }
  // The policy that a client of the third seat's tenant states with its approval.
  absl::Status State(const Bytes& statement, std::size_t seat = 2) {
    return store_->SaveApproval("run-1", {LedgerSeats(7)[seat], Bytes(64, 1), Bytes(10, 1),
                                          SmallKey(30).signer->public_key(), statement});
  }
  History& Open(std::uint64_t first, std::uint64_t last, std::size_t members = 7) {
    EXPECT_OK(
        store_->OpenBlock("run-1", {first, last, Bytes(16, 1), static_cast<std::uint32_t>(first), 0,
                                    Bytes(32, 2), LedgerSeats(members)}));
    return *this;
  }
  History& Commit(std::uint64_t round) {
    EXPECT_OK(store_->Freeze("run-1", round, LedgerSeats(7)));
    EXPECT_OK(
        store_->Commit("run-1", {round, LedgerSeats(7), 0, Hash32{3}, std::nullopt, Bytes{2}, {}}));
    return *this;
  }
  History& Abort(std::uint64_t round, const std::string& reason = "too few") {
    EXPECT_OK(store_->Abort("run-1", round, reason));
    return *this;
  }
  RunStore& store() { return *store_; }

 private:
  std::unique_ptr<RunStore> store_;
};

class LedgerGuardTest : public testing::Test {
 protected:
  static std::string Seat() { return LedgerSeats(7)[2]; }
  void SetUp() override {
    InitialiseCrypto();
    Restart();
  }
  void Restart() {
    guard_.reset();
    store_.reset();
    store_ = WitnessStore::Open(folder_.path() / "witness.sqlite").value();
    guard_ = LedgerGuard::Create({Seat(), "fed.test", Hash32{7}, SmallKey(30).signer},
                                 SmallKey(20).signer, *store_, [] { return kNow; })
                 .value();
  }
  static coordinator::RunTerms Terms() {
    return coordinator::RunTerms::Restore(SmallRun::Get().plan_json, SmallRun::Get().contract_json)
        .value();
  }
  LedgerGuard& guard() { return *guard_; }
  void Approve(const Json& policy = Json::object()) {
    ASSERT_OK(guard().Approve(SmallRun::Get().plan_json, SmallRun::Get().contract_json, policy));
  }
  // Approves with that policy and tells `history` so, as a client does.
  absl::Status ApproveWith(const Json& policy, History& history) {
    Approve(policy);
    VEILSUM_ASSIGN_OR_RETURN(const Bytes statement, guard().PolicyStatement());
    return history.State(statement);
  }
  // A stream to a coordinator with this history.
  LedgerFeed& Join(History& history, std::uint64_t opened = 0) {
    feed_.emplace(history.store().ledger(), terms_);
    head_ = feed_->Joined(Seat(), guard().size(), guard().first_unended(), opened)->ledger();
    return *feed_;
  }
  absl::Status Take(const LedgerHead& head) { return guard().OnHead(head).status(); }
  // Joins and shows the block from `first`.
  absl::Status TakeBlock(History& history, std::uint64_t first) {
    LedgerFeed& feed = Join(history, first - 1);
    VEILSUM_RETURN_IF_ERROR(Take(head_));
    return Take(feed.ForBlock(Seat(), first)->ledger());
  }
  std::uint64_t Counted(LedgerRefusal refusal) { return *store_->Counted(refusal); }

  TestFolder folder_;
  const coordinator::RunTerms terms_ = Terms();
  std::unique_ptr<WitnessStore> store_;
  std::unique_ptr<LedgerGuard> guard_;
  std::optional<LedgerFeed> feed_;
  LedgerHead head_;
};

TEST_F(LedgerGuardTest, AnHonestLedgerIsWitnessedAndAllowsItsRounds) {
  History history;
  LedgerFeed& feed = Join(history);
  ASSERT_OK(Take(head_));
  EXPECT_EQ(guard().size(), history.store().ledger()->Head().size);
  Approve();
  EXPECT_THAT(guard().MaySpend(1, 4), StatusIs(StatusCode::kFailedPrecondition, "LEDGER_NO_PROOF"));
  history.Open(1, 4);
  EXPECT_TRUE(feed.Needs(Seat(), 1));
  const LedgerHead block = feed.ForBlock(Seat(), 1)->ledger();
  EXPECT_FALSE(feed.Needs(Seat(), 1));
  ASSERT_OK_AND_ASSIGN(const auto cosignature, guard().OnHead(block));
  EXPECT_OK(feed.OnCosignature(Seat(), cosignature));
  EXPECT_OK(guard().MaySpend(1, 4));
  EXPECT_OK(guard().MaySpend(3, 4));
  // SE-09: never charged for more here than there.
  EXPECT_THAT(guard().MaySpend(4, 5), StatusIs(StatusCode::kFailedPrecondition, "SE-09"));
  for (const std::uint64_t round : {1u, 2u, 3u, 4u}) guard().Sent(round);
  EXPECT_EQ(guard().first_unended(), 1u);
  history.Commit(1).Commit(2).Abort(3).Commit(4).Open(5, 6);
  ASSERT_OK(Take(feed.ForBlock(Seat(), 5)->ledger()));
  EXPECT_EQ(guard().first_unended(), 0u);
  EXPECT_THAT(guard().MaySpend(4, 4), StatusIs(StatusCode::kFailedPrecondition, "SE-09"));
  EXPECT_OK(guard().MaySpend(5, 6));
}

const Json kPolicy = {{"epsilon_cap", "50"}, {"delta_cap", "0.001"}};
const Json kLoose = {{"epsilon_cap", "60"}, {"delta_cap", "0.001"}};
const Json kStrict = {{"epsilon_cap", "40"}, {"delta_cap", "0.001"}};

TEST_F(LedgerGuardTest, NothingIsSpentBeforeItsOwnPolicyIsProved) {
  History history;
  history.Open(1, 4);
  Approve(kPolicy);  // and the coordinator has not recorded it
  ASSERT_OK(TakeBlock(history, 1));
  EXPECT_THAT(guard().MaySpend(1, 4), StatusIs(StatusCode::kFailedPrecondition, "LEDGER_NO_PROOF"));
  ASSERT_OK(history.State(guard().PolicyStatement().value()));
  ASSERT_OK(TakeBlock(history, 1));
  EXPECT_OK(guard().MaySpend(1, 4));
}

TEST_F(LedgerGuardTest, APolicyStatedTwiceIsOneEntry) {
  History history;
  ASSERT_OK(ApproveWith(kPolicy, history));
  const std::uint64_t size = history.store().ledger()->Head().size;
  ASSERT_OK(history.State(guard().PolicyStatement().value()));
  EXPECT_EQ(history.store().ledger()->Head().size, size);
}

TEST_F(LedgerGuardTest, ARecordedPolicyThatAllowsMoreStopsIt) {
  History history;
  ASSERT_OK(ApproveWith(kLoose, history));
  history.Open(1, 4);
  Approve(kPolicy);  // another client of the tenant, as it were, has said more
  EXPECT_THAT(TakeBlock(history, 1),
              StatusIs(StatusCode::kPermissionDenied, "allows more than the policy file of this client"));
  EXPECT_EQ(Counted(LedgerRefusal::kDisagreement), 1u);
}

TEST_F(LedgerGuardTest, ARecordedPolicyThatAllowsLessIsEnough) {
  History history;
  ASSERT_OK(ApproveWith(kStrict, history));
  history.Open(1, 4);
  Approve(kPolicy);
  ASSERT_OK(TakeBlock(history, 1));
  EXPECT_OK(guard().MaySpend(1, 4));
}

TEST_F(LedgerGuardTest, NobodyStatesThePolicyOfAnother) {
  History history;
  Approve(kPolicy);
  const Bytes statement = guard().PolicyStatement().value();
  EXPECT_THAT(history.State(statement, 3), StatusIs(StatusCode::kInvalidArgument, "the policy of"));
  EXPECT_THAT(history.State(Bytes(10, 1)), StatusIs(StatusCode::kInvalidArgument, ""));
}

TEST_F(LedgerGuardTest, ItsReceiptsAreSignedStatementsOfTheLeaf) {
  History history;
  history.Open(1, 4);
  Approve();
  ASSERT_OK(TakeBlock(history, 1));
  ASSERT_OK(TakeBlock(history, 1));  // shown again after a reconnection: one receipt
  ASSERT_OK_AND_ASSIGN(const auto receipts, store_->Receipts());
  ASSERT_EQ(receipts.size(), 1u);
  ASSERT_OK_AND_ASSIGN(const tlog::Envelope envelope, tlog::Envelope::Parse(receipts[0].envelope));
  EXPECT_TRUE(envelope.IsSignedBy(SmallKey(30).signer->public_key()));
  const Json statement = Json::parse(AsText(envelope.payload));
  EXPECT_EQ(statement["predicateType"], "https://fed.test/ledger/receipt/v1");
  const Json& predicate = statement["predicate"];
  EXPECT_EQ(predicate["actor"], Seat());
  EXPECT_EQ(predicate["contract_hash"], SmallRun::Get().name);
  EXPECT_EQ(predicate["first"], 1);
  EXPECT_EQ(predicate["last"], 4);
  EXPECT_EQ(predicate["leaf"], receipts[0].leaf);
  const Bytes leaf = *history.store().ledger()->Leaf(receipts[0].leaf);
  EXPECT_EQ(predicate["leaf_sha256"], HexEncode(tlog::LeafHash(leaf)));
  EXPECT_EQ(predicate["root_sha256"], HexEncode(history.store().ledger()->Head().root));
  EXPECT_EQ(predicate["time"], "2027-01-15T08:00:00.000Z");
}

TEST_F(LedgerGuardTest, AnOlderDatabaseIsARollback) {
  History history, restored;
  history.Open(1, 4).Commit(1).Commit(2);
  restored.Open(1, 4).Commit(1);
  Approve();
  ASSERT_OK(TakeBlock(history, 1));
  Restart();  // it has forgotten nothing
  Join(restored, 4);
  EXPECT_THAT(Take(head_), StatusIs(StatusCode::kDataLoss, "LEDGER_ROLLBACK"));
  EXPECT_EQ(Counted(LedgerRefusal::kRollback), 1u);
  EXPECT_EQ(Counted(LedgerRefusal::kFork), 0u);
  restored.Commit(2);  // once it is where it was, with the same history, it is the same ledger
  Join(restored, 4);
  EXPECT_OK(Take(head_));
}

TEST_F(LedgerGuardTest, TwoHistoriesAreASplitView) {
  History history, same_size, longer;
  history.Open(1, 4).Commit(1).Commit(2);
  same_size.Open(1, 4).Commit(1).Abort(2);
  longer.Open(1, 4).Abort(1).Commit(2).Commit(3).Commit(4);
  Approve();
  ASSERT_OK(TakeBlock(history, 1));
  const std::uint64_t size = guard().size();
  int forks = 0;
  for (History* other : {&same_size, &longer}) {
    Join(*other, 4);
    EXPECT_THAT(Take(head_), StatusIs(StatusCode::kDataLoss, "LEDGER_FORK"));
    EXPECT_EQ(Counted(LedgerRefusal::kFork), ++forks);
    EXPECT_EQ(guard().size(), size);
  }
  History other_key(2);
  other_key.Open(1, 4).Commit(1).Commit(2).Commit(3);
  Join(other_key, 4);
  EXPECT_THAT(Take(head_), StatusIs(StatusCode::kDataLoss, "LEDGER_FORK"));
}

TEST_F(LedgerGuardTest, EntriesThatSaySomethingElseThanWasApproved) {
  History without_us;
  without_us.Open(1, 4, 2);  // of the first two seats
  Approve();
  EXPECT_THAT(TakeBlock(without_us, 1),
              StatusIs(StatusCode::kPermissionDenied, "LEDGER_DISAGREES"));
  EXPECT_EQ(Counted(LedgerRefusal::kDisagreement), 1u);
  EXPECT_THAT(guard().MaySpend(1, 4), StatusIs(StatusCode::kFailedPrecondition, "LEDGER_NO_PROOF"));
  EXPECT_TRUE(store_->Receipts()->empty());
}

TEST_F(LedgerGuardTest, ARoundThatTheLedgerDoesNotEnd) {
  History history;
  history.Open(1, 2);
  Approve();
  ASSERT_OK(TakeBlock(history, 1));
  guard().Sent(1);
  guard().Sent(2);
  history.Commit(1).Commit(2).Open(3, 4);
  const LedgerHead honest = feed_->ForBlock(Seat(), 3)->ledger();
  LedgerHead lying = honest;
  lying.mutable_entries()->RemoveLast();
  EXPECT_THAT(Take(lying), StatusIs(StatusCode::kPermissionDenied, "round 2 has not ended"));
  lying.set_ended_through(1);
  EXPECT_THAT(Take(lying), StatusIs(StatusCode::kFailedPrecondition, "LEDGER_NO_PROOF"));
  EXPECT_OK(Take(honest)) << "a head that was refused is not remembered";
}

TEST_F(LedgerGuardTest, ProofsThatDoNotHold) {
  History history;
  history.Open(1, 4);
  Approve();
  LedgerFeed& feed = Join(history);
  const LedgerHead first = head_;
  const auto refused = [&](const std::function<void(LedgerHead&)>& change) {
    LedgerHead bad = first;
    change(bad);
    const absl::Status status = Take(bad);
    EXPECT_EQ(guard().size(), 0u);
    return status;
  };
  using testing::_;
  EXPECT_FALSE(refused([](LedgerHead& h) { h.clear_entries(); }).ok()) << "without its genesis";
  EXPECT_FALSE(
      refused([](LedgerHead& h) { h.mutable_entries(0)->mutable_proof()->RemoveLast(); }).ok());
  EXPECT_FALSE(refused([](LedgerHead& h) { h.set_old_size(1); }).ok());
  EXPECT_FALSE(refused([](LedgerHead& h) { h.mutable_checkpoint()->at(20) ^= 1; }).ok());
  EXPECT_FALSE(refused([](LedgerHead& h) { h.add_consistency(std::string(31, 'x')); }).ok());
  ASSERT_OK(Take(first));
  const LedgerHead block = feed.ForBlock(Seat(), 1)->ledger();
  for (int i = 0; i < block.entries_size(); ++i) {
    LedgerHead bad = block;
    bad.mutable_entries(i)->mutable_proof(0)->at(0) ^= 1;
    EXPECT_THAT(Take(bad), StatusIs(StatusCode::kFailedPrecondition, "LEDGER_NO_PROOF")) << i;
    bad = block;
    bad.mutable_entries()->DeleteSubrange(i, 1);
    EXPECT_OK(Take(bad)) << "nothing false was said";
    EXPECT_FALSE(guard().MaySpend(1, 4).ok()) << "but not enough: without entry " << i;
    Restart();
    Approve();
  }
  EXPECT_GT(Counted(LedgerRefusal::kNoProof), 5u);
}

TEST_F(LedgerGuardTest, AGenesisOfAnotherRoot) {
  History other(1, Hash32{8});
  Join(other);
  EXPECT_THAT(Take(head_), StatusIs(StatusCode::kFailedPrecondition, "genesis"));
}

TEST_F(LedgerGuardTest, CosignaturesOfOthersAreNotTaken) {
  History history;
  LedgerFeed& feed = Join(history);
  ASSERT_OK_AND_ASSIGN(const auto good, guard().OnHead(head_));
  EXPECT_FALSE(feed.OnCosignature(LedgerSeats(7)[3], good).ok()) << "of another seat";
  auto bad = good;
  bad.mutable_signature()->at(20) ^= 1;
  EXPECT_FALSE(feed.OnCosignature(Seat(), bad).ok());
  bad = good;
  bad.set_witness(
      SmallKey(21).As(ledger::WitnessName(Seat()), tlog::KeyType::kCosignature).ToString());
  ASSERT_OK(feed.OnCosignature(Seat(), good));
  EXPECT_FALSE(feed.OnCosignature(Seat(), bad).ok()) << "another key";
  ASSERT_OK_AND_ASSIGN(const tlog::Note head, history.store().ledger()->SignedHead());
  EXPECT_OK(tlog::VerifyCosignature(head, guard().key()));
}

}  // namespace
}  // namespace veilsum::client
