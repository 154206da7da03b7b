// What becomes of a release, in the ledger of a run that made its model: over the operators'
// office, and as a rollout drives it.
#include "coordinator/admin/record_office.h"

#include <limits>

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "base/secure_rng.h"
#include "coordinator/rollout/conductor.h"
#include "coordinator/store/run_store.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/model/release/sample.h"
#include "tests/unit/model/small_ledger.h"

namespace veilsum::coordinator {
namespace {

using absl::StatusCode;
using ledger::SmallRun;

constexpr Seconds kNow = 1'800'000'100;

SpiffeId Operator(const char* name) { return SpiffeId::Operator("fed.test", name).value(); }
std::string Wire(const Hash32& hash) { return std::string(AsText(hash)); }

// A coordinator's store whose run has made a model in round 1.
class Office : public testing::Test {
 protected:
  void SetUp() override {
    InitialiseCrypto();
    LedgerOptions options;
    options.federation = "fed.test";
    options.actor = "spiffe://fed.test/coordinator/c1";
    options.signer = ledger::SmallKey(1).signer;
    store_ = NewMemoryRunStore(options).value();
    const SmallRun& run = SmallRun::Get();
    const MemberList members = ledger::LedgerSeats(7);
    ASSERT_OK(store_->CreateRun({"run-1", run.plan_json, run.contract_json, 7, "approving", ""},
                                {{}, 0, Bytes(10)}, Bytes{1}));
    for (const std::string& seat : members)
      ASSERT_OK(store_->SaveApproval(
          "run-1", {seat, Bytes(64, 1), Bytes(10, 1), ledger::SmallKey(40).signer->public_key()}));
    ASSERT_OK(store_->OpenBlock("run-1", {1, 1, Bytes(16, 1), 0, 0, Bytes(32, 2), members}));
    ASSERT_OK(store_->Freeze("run-1", 1, members));
    RoundCommit commit{1, members, 1, Hash32{3}, std::nullopt, Bytes{2}, {}};
    commit.model = ModelRecord{kModel, 1, Bytes(10)};
    ASSERT_OK(store_->Commit("run-1", commit));
    Open();
  }
  void Open() {
    office_ = RecordOffice::Open(
                  folder_.path() / "approvals",
                  [this](const LedgerAppender::Make& make) {
                    return down_ ? Unavailable("down") : store_->appender()->AppendEntries(make);
                  },
                  *store_->ledger())
                  .value();
  }
  static admin::v1::RecordRequest Published(const Hash32& release, std::uint64_t counter = 1) {
    admin::v1::RecordRequest request;
    admin::v1::ReleasePublished& published = *request.mutable_published();
    published.set_run_id("run-1");
    published.set_model_id("pref");
    published.set_version("1.0.0");
    published.set_release_counter(counter);
    published.set_release_sha256(Wire(release));
    published.set_manifest_sha256(Wire({9}));
    published.set_model_sha256(Wire(kModel));
    return request;
  }
  static admin::v1::RecordRequest Moved(const char* from, const char* to) {
    admin::v1::RecordRequest request;
    admin::v1::RolloutTransition& moved = *request.mutable_transition();
    moved.set_rollout_id("pref-1.0.0");
    moved.set_release_sha256(Wire(kRelease));
    moved.set_from(from);
    moved.set_to(to);
    moved.set_percent(5);
    return request;
  }
  static admin::v1::RecordRequest Revoked() {
    admin::v1::RecordRequest request;
    request.mutable_revoked()->set_release_sha256(Wire(kRelease));
    request.mutable_revoked()->set_reason("wrong data");
    return request;
  }
  absl::Status Approve(const char* who, const char* rollout) {
    admin::v1::ApproveRequest request;
    request.set_release_sha256(Wire(kRelease));
    request.set_rollout_id(rollout);
    return office_->Approve(Operator(who), request).status();
  }
  absl::Status Record(const admin::v1::RecordRequest& request, const char* who = "ann") {
    return office_->Record(Operator(who), request).status();
  }
  std::uint64_t Size() { return store_->ledger()->Head().size; }
  ledger::Entry Last() { return ledger::ParseEntry(*store_->ledger()->Leaf(Size() - 1))->entry; }
  // An auditor's rules over all leaves find nothing.
  ledger::LedgerRules Replay() {
    ledger::LedgerRules rules(
        [this](const Hash32& sha256) { return store_->ledger()->Blob(sha256); });
    for (std::uint64_t i = 0; i < Size(); ++i)
      EXPECT_TRUE(rules.Apply(*store_->ledger()->Leaf(i)).empty()) << i;
    return rules;
  }

  static constexpr Hash32 kModel{5}, kRelease{7};
  TempFolder folder_;
  std::unique_ptr<RunStore> store_;
  std::unique_ptr<RecordOffice> office_;
  bool down_ = false;
};

TEST_F(Office, PublishesWhatARunHasMadeOnce) {
  const std::uint64_t before = Size();
  ASSERT_OK_AND_ASSIGN(const admin::v1::RecordResponse first,
                       office_->Record(Operator("ann"), Published(kRelease)));
  EXPECT_EQ(first.size(), before + 1);
  const auto key = tlog::VerifierKey::Create("fed.test/ledger", tlog::KeyType::kEd25519,
                                             ledger::SmallKey(1).signer->public_key());
  ASSERT_OK_AND_ASSIGN(const tlog::Note note, tlog::Note::Parse(first.checkpoint()));
  EXPECT_EQ(*tlog::OpenCheckpoint(note, *key), store_->ledger()->Head());
  EXPECT_OK(Record(Published(kRelease)));
  EXPECT_EQ(Size(), before + 1) << "the same again is written again";
  admin::v1::RecordRequest other = Published({8}, 2);
  other.mutable_published()->set_model_sha256(Wire({6}));
  EXPECT_THAT(Record(other), StatusIs(StatusCode::kFailedPrecondition, "M503"));
  other = Published({8}, 2);
  other.mutable_published()->set_run_id("run-2");
  EXPECT_THAT(Record(other), StatusIs(StatusCode::kFailedPrecondition, "S202"));
  EXPECT_THAT(Record(Published({8}, 1)), StatusIs(StatusCode::kFailedPrecondition, "S208"));
  other.mutable_published()->set_release_sha256("short");
  EXPECT_THAT(Record(other), StatusIs(StatusCode::kInvalidArgument, "release_sha256"));
  EXPECT_THAT(Record({}), StatusIs(StatusCode::kInvalidArgument, "missing"));
  EXPECT_EQ(Size(), before + 1);
  Replay();
}

TEST_F(Office, TwoOperatorsMakeAReleaseStable) {
  ASSERT_OK(Record(Published(kRelease)));
  EXPECT_THAT(Record(Moved("shadow", "canary")), StatusIs(StatusCode::kFailedPrecondition, "S209"));
  ASSERT_OK(Record(Moved("draft", "canary")));
  EXPECT_EQ(Last().body["approvers"], Json::array({Operator("ann").ToString()}));
  const std::uint64_t size = Size();
  ASSERT_OK(Approve("ann", "pref-1.0.0"));
  ASSERT_OK(Approve("ann", "pref-1.0.0"));
  EXPECT_THAT(Record(Moved("canary", "stable")), StatusIs(StatusCode::kFailedPrecondition, "S211"))
      << "one operator twice is one";
  ASSERT_OK(Approve("bob", "another"));
  ASSERT_OK(Approve("bob", ""));
  EXPECT_THAT(Record(Moved("canary", "stable")), StatusIs(StatusCode::kFailedPrecondition, "S211"))
      << "what was approved is something else";
  EXPECT_EQ(Size(), size);
  Open();  // approvals outlive the process
  ASSERT_OK(Approve("bob", "pref-1.0.0"));
  ASSERT_OK(Record(Moved("canary", "stable")));
  EXPECT_EQ(Last().body["approvers"],
            Json::array({Operator("ann").ToString(), Operator("bob").ToString()}));
  EXPECT_OK(Record(Moved("canary", "stable")));
  EXPECT_EQ(Size(), size + 1);
  EXPECT_EQ(Replay().rollouts().at("pref-1.0.0").stage, "stable");
}

TEST_F(Office, TwoOperatorsRevoke) {
  EXPECT_THAT(Approve("ann", ""), StatusIs(StatusCode::kFailedPrecondition, "S208"));
  ASSERT_OK(Record(Published(kRelease)));
  EXPECT_THAT(Record(Revoked()), StatusIs(StatusCode::kFailedPrecondition, "S211"));
  for (const char* who : {"ann", "bob"}) ASSERT_OK(Approve(who, ""));
  ASSERT_OK(Record(Revoked()));
  const std::uint64_t size = Size();
  EXPECT_OK(Record(Revoked()));
  EXPECT_EQ(Size(), size);
  EXPECT_THAT(Approve("cid", "pref-1.0.0"), StatusIs(StatusCode::kFailedPrecondition, "S208"));
  EXPECT_THAT(Record(Moved("draft", "canary")), StatusIs(StatusCode::kFailedPrecondition, "S208"));
  EXPECT_TRUE(Replay().releases().at(HexEncode(kRelease)).revoked);
}

TEST_F(Office, DamagedApprovalsAreNoApprovals) {
  ASSERT_OK(Record(Published(kRelease)));
  ASSERT_OK(Approve("ann", ""));
  ASSERT_OK_AND_ASSIGN(std::string text, ReadFile(folder_.path() / "approvals"));
  text.replace(text.find("operator/ann"), 12, "operator/ \"]");
  ASSERT_OK(WriteFile(folder_.path() / "approvals", text));
  EXPECT_THAT(RecordOffice::Open(
                  folder_.path() / "approvals",
                  [](const LedgerAppender::Make&) { return absl::OkStatus(); }, *store_->ledger())
                  .status(),
              StatusIs(StatusCode::kDataLoss, "damaged"));
}

// A rollout over a repository, told to the office.
class ToldRollout : public Office {
 protected:
  void SetUp() override {
    Office::SetUp();
    rollout::Root root;
    root.federation_id = "fed.test";
    for (const rollout::Role role :
         {rollout::Role::kRoot, rollout::Role::kTargets, rollout::Role::kSnapshot,
          rollout::Role::kTimestamp, rollout::Role::kDirector}) {
      signers_[role] = {key_.signer.get()};
      root.roles[role] = {{key_.signer->public_key()}, 1};
    }
    repository_.emplace(
        rollout::Repository::Create(folder_.path() / "repository", root, signers_, kNow).value());
    const std::string baseline = Publish();
    const RolloutSpec spec{.rollout_id = "pref-1.0.0",
                           .model_id = "pref",
                           .digest = Publish(),
                           .baseline = baseline,
                           .shadow = 0,
                           .steps = {{100, 0}}};
    ASSERT_OK(Record(Published(DigestOf(spec.digest))));
    conductor_.emplace(RolloutConductor::Begin(Parts(), spec).value());
  }
  std::string Publish() {
    const release::Files files = release::SampleFiles(++published_);
    EXPECT_OK(repository_->Publish(files, signers_, kNow));
    return HexEncode(release::RootDigest(files));
  }
  static Hash32 DigestOf(const std::string& hex) {
    return ParseFixed<32>("digest", ByteView(HexDecode(hex).value())).value();
  }
  ConductorParts Parts() {
    ConductorParts parts{
        folder_.path() / "rollout", {{kClient, false}}, &*repository_, &signers_, {}};
    parts.record = [this](const RolloutSpec& spec, const Transition& t) {
      admin::v1::RecordRequest request;
      admin::v1::RolloutTransition& moved = *request.mutable_transition();
      moved.set_rollout_id(spec.rollout_id);
      moved.set_release_sha256(Wire(DigestOf(spec.digest)));
      moved.set_from(std::string(StageName(t.from)));
      moved.set_to(std::string(StageName(t.to)));
      moved.set_percent(t.percent);
      moved.set_reason(t.reason);
      if (!t.gate_report.empty()) moved.set_gate_report_sha256(Wire(DigestOf(t.gate_report)));
      return Record(request);
    };
    return parts;
  }
  EventHead Head() { return {absl::StrFormat("e%d", ++events_), 1, kNow}; }
  static std::vector<GateResult> Gates(Verdict verdict) {
    GateResult gate;
    gate.name = "quality";
    gate.verdict = verdict;
    gate.on_breach = OnBreach::kRollback;
    gate.value = 0.01;
    gate.high = std::numeric_limits<double>::infinity();
    return {gate};
  }
  std::string Has() { return repository_->AssignedTo(kClient).value().digest; }
  // From, to, and whether there is a gate report, of the rollout's entries.
  std::string Story() {
    std::string story;
    for (std::uint64_t i = 0; i < Size(); ++i) {
      const ledger::Entry entry = ledger::ParseEntry(*store_->ledger()->Leaf(i))->entry;
      if (entry.type != "rollout.transition") continue;
      const std::string report = entry.body["gate_report_sha256"].get<std::string>();
      story += absl::StrFormat("%s%s%s", story.empty() ? "" : " ",
                               entry.body["to"].get<std::string>(), report.empty() ? "" : "!");
      if (report.empty()) continue;
      const auto file = ReadFile(folder_.path() / "rollout/gates" / (report + ".json"));
      EXPECT_TRUE(file.ok() && HexEncode(Sha256(*file)) == report) << report;
    }
    return story;
  }

  static constexpr const char* kClient = "spiffe://fed.test/tenant/shop-0/client/a";
  const ledger::SmallKey key_{77};
  rollout::RoleSigners signers_;
  std::optional<rollout::Repository> repository_;
  std::optional<RolloutConductor> conductor_;
  std::uint64_t published_ = 0;
  int events_ = 0;
};

TEST_F(ToldRollout, ABadModelsWayBackIsInTheLedger) {
  ASSERT_OK(conductor_->Do(Validated{Head(), Gates(Verdict::kPass)}));
  ASSERT_OK(conductor_->Do(Looked{Head(), Gates(Verdict::kPass)}));
  EXPECT_EQ(Has(), conductor_->rollout().spec.digest);
  ASSERT_OK(conductor_->Do(Looked{Head(), Gates(Verdict::kBreach)}));
  EXPECT_EQ(Has(), conductor_->rollout().spec.baseline);
  EXPECT_EQ(Story(), "validated! shadow! canary! rolled_back!");
  EXPECT_THAT(Last().body["reason"].get<std::string>(), testing::HasSubstr("gate quality: 0.01"));
  EXPECT_EQ(Replay().rollouts().at("pref-1.0.0").stage, "rolled_back");
}

// Nothing goes to everybody that the ledger does not know of; and no ledger keeps a bad model
// there.
TEST_F(ToldRollout, WaitsForTheLedgerOnlyOnTheWayUp) {
  ASSERT_OK(conductor_->Do(Validated{Head(), Gates(Verdict::kPass)}));
  down_ = true;
  EXPECT_THAT(conductor_->Do(Looked{Head(), Gates(Verdict::kPass)}),
              StatusIs(StatusCode::kUnavailable, ""));
  EXPECT_EQ(conductor_->rollout().stage, Stage::kCanary);
  EXPECT_EQ(Has(), conductor_->rollout().spec.baseline) << "the canary has it before the ledger";
  conductor_.emplace(RolloutConductor::Open(Parts()).value());  // after a crash
  down_ = false;
  ASSERT_OK(conductor_->Settle(kNow));
  EXPECT_EQ(Has(), conductor_->rollout().spec.digest);
  down_ = true;
  EXPECT_FALSE(conductor_->Do(Looked{Head(), Gates(Verdict::kBreach)}).ok());
  EXPECT_EQ(Has(), conductor_->rollout().spec.baseline) << "a roll back waits for the ledger";
  down_ = false;
  ASSERT_OK(conductor_->Settle(kNow));
  ASSERT_OK(conductor_->Settle(kNow));
  EXPECT_EQ(Story(), "validated! shadow! canary! rolled_back!");
  Replay();
}

// A stage that the ledger refuses for want of approvals is not acted on; the way back starts from
// where the ledger stands.
TEST_F(ToldRollout, WhatWasNeverApprovedIsRolledBackFromWhereItStood) {
  ASSERT_OK(conductor_->Do(Validated{Head(), Gates(Verdict::kPass)}));
  ASSERT_OK(conductor_->Do(Looked{Head(), Gates(Verdict::kPass)}));
  ASSERT_OK(conductor_->Do(Looked{Head(), Gates(Verdict::kPass)}));
  ASSERT_OK(conductor_->Do(Approved{Head(), "ann"}));
  EXPECT_THAT(conductor_->Do(Approved{Head(), "bob"}),
              StatusIs(StatusCode::kFailedPrecondition, "S211"));
  ASSERT_OK(conductor_->Do(Looked{Head(), Gates(Verdict::kBreach)}));
  EXPECT_EQ(Story(), "validated! shadow! canary! rolled_back!");
  EXPECT_EQ(Last().body["from"].get<std::string>(), "canary");
  Replay();
}

}  // namespace
}  // namespace veilsum::coordinator
