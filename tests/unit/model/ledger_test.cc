// The ledger's rules, its writer, and what an auditor finds in a ledger that was tampered with:
// every way of doing it has its own finding.
#include <algorithm>

#include "model/ledger/log_check.h"
#include "tests/unit/model/small_ledger.h"

namespace veilsum::ledger {
namespace {

using absl::StatusCode;
using testing::HasSubstr;

std::vector<std::string> CodesOf(const std::vector<Finding>& findings) {
  std::vector<std::string> codes;
  for (const Finding& finding : findings)
    if (!std::ranges::count(codes, finding.code)) codes.push_back(finding.code);
  return codes;
}

LogCheck Check(const SmallLedger& ledger, std::map<std::string, Bytes> files,
               const std::vector<tlog::Note>& earlier = {}) {
  const tlog::TrustPolicy policy = tlog::TrustPolicy::Parse(ledger.PolicyText()).value();
  const auto read = [&](const std::string& path) -> absl::StatusOr<Bytes> {
    if (!files.contains(path)) return NotFound("no %s", path);
    return files[path];
  };
  return CheckLog(policy, read, SmallLedger::Blobs(), earlier);
}
LogCheck Check(const SmallLedger& ledger) { return Check(ledger, ledger.Files()); }

// Every test starts from the same finished run.
class Ledger : public testing::Test {
 protected:
  SmallLedger ledger_ = SmallLedger::Finished();
  std::size_t IndexOf(const std::string& type, std::size_t nth = 0) const {
    for (std::size_t i = 0; i < ledger_.leaves.size(); ++i)
      if (ParseEntry(ledger_.leaves[i])->entry.type == type && nth-- == 0) return i;
    ADD_FAILURE() << "no " << type;
    return 0;
  }
  // What is found once leaf `index` has been changed and everything after it linked anew.
  std::vector<std::string> AfterForging(std::size_t index,
                                        const std::function<void(Entry&)>& change) {
    SmallLedger forged = ledger_;
    forged.Rewrite(index, change);
    forged.Relink(index);
    return CodesOf(Check(forged).findings);
  }
};

using Codes = std::vector<std::string>;

TEST_F(Ledger, OfAnHonestRunHasNothingToFind) {
  const LogCheck check = Check(ledger_);
  EXPECT_TRUE(check.passed());
  EXPECT_EQ(check.head.size, 20u);
  ASSERT_EQ(check.rules.runs().size(), 1u);
  const RegisteredRun& run = check.rules.runs().begin()->second;
  EXPECT_EQ(run.opened_through, 8u);
  EXPECT_EQ(run.committed, 7u);
  EXPECT_EQ(run.aborted, 1u);
  EXPECT_TRUE(run.ended);
  EXPECT_EQ(run.claim.epsilon, 8);
}

TEST_F(Ledger, AWriterStartsAgainFromItsLeaves) {
  LedgerWriter again(Author{"fed.test", SmallLedger::kActor, ledger_.coordinator.signer, {}, {}, 1},
                     SmallLedger::Blobs());
  for (const Bytes& leaf : ledger_.leaves) ASSERT_OK(again.Restore(leaf));
  EXPECT_EQ(again.Head(), ledger_.writer().Head());
  EXPECT_THAT(again.Restore(ledger_.leaves[3]), StatusIs(StatusCode::kDataLoss, "E104"));
}

// Whatever is taken in after Begin, Drop takes back: the same entries are lawful again, and the
// account at the end is that of a ledger of which nothing was ever dropped.
TEST_F(Ledger, WhatIsDroppedWasNeverThere) {
  const Author author{"fed.test", SmallLedger::kActor, ledger_.coordinator.signer, {}, {}, 1};
  LedgerWriter writer(author, SmallLedger::Blobs());
  for (std::size_t i = 0; i < ledger_.leaves.size(); ++i) {
    const tlog::Checkpoint head = writer.Head();
    writer.Begin();
    for (std::size_t j = i; j < ledger_.leaves.size(); ++j)
      ASSERT_OK(writer.Restore(ledger_.leaves[j]));
    writer.Drop();
    EXPECT_EQ(writer.Head(), head);
    EXPECT_EQ(writer.rules().size(), i);
    writer.Begin();
    ASSERT_OK(writer.Restore(ledger_.leaves[i])) << i;
    writer.Keep();
  }
  const RegisteredRun& run = writer.rules().runs().begin()->second;
  const RegisteredRun& straight = ledger_.writer().rules().runs().begin()->second;
  ASSERT_EQ(run.charged.size(), straight.charged.size());
  for (const auto& [tenant, charged] : straight.charged)
    EXPECT_EQ(run.charged.at(tenant).training, charged.training) << tenant;
  EXPECT_EQ(run.open, straight.open);
  EXPECT_EQ(run.members, straight.members);
  EXPECT_EQ(std::tuple(run.opened, run.committed, run.aborted, run.ended),
            std::tuple(straight.opened, straight.committed, straight.aborted, straight.ended));
}

TEST_F(Ledger, EveryFlippedByteIsFound) {
  const std::map<std::string, Bytes> good = ledger_.Files();
  for (const auto& [path, bytes] : good)
    for (std::size_t at = 0; at < bytes.size(); at += path == "checkpoint" ? 1 : 2503) {
      std::map<std::string, Bytes> bad = good;
      bad[path][at] ^= 0x01;
      const LogCheck check = Check(ledger_, bad);
      ASSERT_FALSE(check.findings.empty() && check.missing.empty()) << path << " at " << at;
    }
}

TEST_F(Ledger, EntriesLeftOutAddedOrMoved) {
  const auto codes = [&](const std::function<void(std::vector<Bytes>&)>& change) {
    SmallLedger other = ledger_;
    change(other.leaves);
    return CodesOf(Check(other).findings);  // with a checkpoint that fits: the log itself lies
  };
  EXPECT_EQ(codes([](auto& leaves) { leaves.erase(leaves.begin() + 5); }).front(), "E104");
  EXPECT_EQ(codes([](auto& leaves) { std::swap(leaves[12], leaves[13]); }).front(), "E104");
  EXPECT_EQ(codes([](auto& leaves) { leaves.insert(leaves.begin() + 9, leaves[8]); }).front(),
            "E104");
  EXPECT_THAT(codes([](auto& leaves) { leaves.erase(leaves.begin()); }),
              testing::IsSupersetOf({"E104", "S201", "K701", "L005"}));
  std::map<std::string, Bytes> files = ledger_.Files();
  SmallLedger shorter = ledger_;
  shorter.leaves.pop_back();
  shorter.leaves.push_back(shorter.leaves[3]);
  files["tile/entries/000.p/20"] = shorter.Files()["tile/entries/000.p/20"];
  EXPECT_THAT(CodesOf(Check(ledger_, files).findings), testing::Contains("L003"));
}

TEST_F(Ledger, CheckpointsThatDoNotFit) {
  std::map<std::string, Bytes> files = ledger_.Files();
  const auto with = [&](const std::function<void(tlog::Note&)>& change) {
    tlog::Note note = ledger_.HeadOf(ledger_.leaves.size());
    change(note);
    const std::string text = note.ToString();
    files["checkpoint"] = Bytes(text.begin(), text.end());
    return CodesOf(Check(ledger_, files).findings);
  };
  EXPECT_EQ(with([](tlog::Note& note) { note.signatures.pop_back(); }), Codes{"L006"})
      << "without its witness";
  EXPECT_EQ(with([](tlog::Note& note) { note.signatures.erase(note.signatures.begin()); }),
            Codes{"L001"});
  EXPECT_EQ(with([](tlog::Note& note) { note.signatures[1].signature[30] ^= 1; }), Codes{"L001"});
  EXPECT_TRUE(with([](tlog::Note&) {}).empty());
}

TEST_F(Ledger, ItContinuesWhatWasSeenBefore) {
  const std::vector<tlog::Note> seen = {ledger_.HeadOf(0), ledger_.HeadOf(7), ledger_.HeadOf(20)};
  EXPECT_TRUE(Check(ledger_, ledger_.Files(), seen).passed());
  SmallLedger fork = ledger_;
  fork.Rewrite(5, [](Entry& entry) { entry.header.idem[0] = 1; });
  fork.Relink(5);
  EXPECT_TRUE(Check(fork).passed()) << "consistent in itself";
  EXPECT_EQ(CodesOf(Check(fork, fork.Files(), seen).findings), Codes{"L004"});
  SmallLedger shorter = ledger_;
  shorter.leaves.pop_back();
  EXPECT_EQ(CodesOf(Check(shorter, shorter.Files(), seen).findings), Codes{"L008"})
      << "rolled back";
}

TEST_F(Ledger, IncompleteEvidenceIsMissingNotFine) {
  std::map<std::string, Bytes> files = ledger_.Files();
  files.erase("checkpoint");
  EXPECT_EQ(Check(ledger_, files).missing, Codes{"checkpoint"});
  files = ledger_.Files();
  files.erase("tile/entries/000.p/20");
  const LogCheck check = Check(ledger_, files);
  EXPECT_EQ(check.missing, Codes{"tile/entries/000.p/20"});
  EXPECT_FALSE(check.passed());
}

TEST_F(Ledger, ForgedEntriesAreFoundByWhatTheySay) {
  const std::size_t opened = IndexOf("rounds.opened", 1), plan = IndexOf("plan.registered"),
                    committed = IndexOf("round.committed", 6), end = IndexOf("run.ended");
  const std::tuple<const char*, std::size_t, std::function<void(Entry&)>> cases[] = {
      {"E103", opened, [](Entry& e) { e.body["extra"] = 1; }},
      {"E103", opened, [](Entry& e) { e.body.erase("first"); }},
      {"E103", opened,
       [](Entry& e) {
         e.body["members"] = Json::array({"b", "a"});
       }},
      {"E103", opened, [](Entry& e) { e.type = "rounds.imagined"; }},
      {"E105", opened, [](Entry& e) { e.header.time = "2026-11-21T19:59:59.999Z"; }},
      {"E105", opened, [](Entry& e) { e.header.term = 0; }},
      {"E106", opened, [](Entry& e) { e.header.federation = "other.test"; }},
      {"K701", opened, [](Entry& e) { e.header.actor = "spiffe://fed.test/coordinator/c2"; }},
      {"P301", end, [](Entry& e) { e.body["attempts"] = 7; }},
      {"P302", plan, [](Entry& e) { e.body["claim_epsilon"] = "7.999999999999999"; }},
      {"P302", plan, [](Entry& e) { e.body["run_id"] = "run-2"; }},
      {"P302", IndexOf("budget.reserved"), [](Entry& e) { e.body["sums"][0]["attempts"] = 1000; }},
      {"S201", 0, [](Entry& e) { e.type = "federation.other"; }},
      {"S202", opened, [](Entry& e) { e.body["contract_hash"] = "00"; }},
      {"S203", IndexOf("budget.reserved"), [](Entry& e) { e.header.tenant = "shop-8"; }},
      {"S204", opened, [](Entry& e) { e.body["first"] = 4; }},
      {"S205", committed, [](Entry& e) { e.body["round"] = 7; }},
      {"S206", committed, [](Entry& e) { e.body["survivors"] = SmallLedger::Seats(3); }},
      {"S206", committed, [](Entry& e) { e.body["survivors"] = Json::array(); }},
      {"S207", IndexOf("budget.reserved", 1), [](Entry& e) { e.header.tenant = "shop-0"; }}};
  for (const auto& [code, index, change] : cases)
    EXPECT_THAT(AfterForging(index, change), testing::Contains(code)) << index;
}

TEST_F(Ledger, WhatIsNotInItsOneFormIsNoEntry) {
  const auto codes = [&](const std::function<void(std::string&)>& change) {
    SmallLedger other = ledger_;
    std::string text(AsText(other.leaves.back()));
    change(text);
    other.leaves.back() = Bytes(text.begin(), text.end());
    return CodesOf(Check(other).findings);
  };
  EXPECT_EQ(codes([](std::string& text) { text += " "; }), Codes{"E101"});
  EXPECT_EQ(codes([](std::string& text) { text.resize(40'000, 'a'); }), Codes{"E107"});
  // A float, and a key twice, under a valid signature.
  for (const auto& [code, from, to] :
       {std::tuple<const char*, std::string, std::string>{"E108", R"("attempts":8)",
                                                          R"("attempts":8.0)"},
        {"E101", R"("attempts":8)", R"("attempts":8,"attempts":8)"}}) {
    EXPECT_EQ(codes([&](std::string& text) {
                tlog::Envelope envelope = tlog::Envelope::Parse(text).value();
                std::string payload(AsText(envelope.payload));
                payload.replace(payload.find(from), from.size(), to);
                envelope.payload.assign(payload.begin(), payload.end());
                envelope.signatures.clear();
                envelope.Sign(SmallLedger::kActor, *ledger_.coordinator.signer);
                text = envelope.ToJson();
              }),
              Codes{code})
        << to;
  }
}

TEST_F(Ledger, AForgedSignatureIsFound) {
  SmallLedger other = ledger_;
  SignedEntry last = ParseEntry(other.leaves.back()).value();
  other.leaves.back() = SignEntry(last.entry, *other.tenant.signer).value();
  EXPECT_EQ(CodesOf(Check(other).findings), Codes{"E102"});
}

// ---- What the rules do not let a coordinator write

TEST(LedgerWriting, OneAttemptMoreThanReservedIsRefused) {
  SmallLedger ledger;
  ledger.Begin();
  const std::uint64_t most = [&] {
    std::uint64_t sum = 0;
    for (const model::SumSpec& spec : SmallRun::Get().contract.sums) sum += spec.attempts_max;
    return sum;
  }();
  for (std::uint64_t round = 1; round <= most; ++round) {
    ledger.Add("rounds.opened", ledger.Opened(round, round));
    ledger.Add("round.aborted", ledger.Aborted(round));
  }
  EXPECT_THAT(ledger.TryAdd("rounds.opened", ledger.Opened(most + 1, most + 1)),
              StatusIs(StatusCode::kFailedPrecondition, "P301"));
  EXPECT_OK(ledger.TryAdd("run.ended", ledger.Named({{"outcome", "stopped"}, {"attempts", most}})));
  EXPECT_THAT(ledger.TryAdd("rounds.opened", ledger.Opened(most + 1, most + 1)),
              StatusIs(StatusCode::kFailedPrecondition, "S204"));
}

TEST(LedgerWriting, AttemptsThatASumDidNotNeedArePassedOver) {
  SmallLedger ledger;
  ledger.Begin();
  const std::uint64_t training = SmallRun::Get().contract.sums[0].attempts_max + 1;
  ASSERT_EQ(training, 2u) << "one attempt of statistics comes first";
  EXPECT_OK(ledger.TryAdd("rounds.opened", ledger.Opened(training, training)));
  EXPECT_OK(ledger.TryAdd("round.aborted", ledger.Aborted(training)));
  EXPECT_THAT(ledger.TryAdd("rounds.opened", ledger.Opened(training + 2, training + 2)),
              StatusIs(StatusCode::kFailedPrecondition, "S204"));
  EXPECT_THAT(ledger.TryAdd("rounds.opened", ledger.Opened(1, 1)),
              StatusIs(StatusCode::kFailedPrecondition, "S204"));
  EXPECT_OK(ledger.TryAdd("run.ended", ledger.Named({{"outcome", "stopped"}, {"attempts", 1}})));
}

TEST(LedgerWriting, NothingIsOpenedBeforeEveryMemberHasReserved) {
  SmallLedger ledger;
  ledger.Begin();
  ledger.leaves.clear();
  SmallLedger fewer;
  fewer.Add("federation.genesis", {{"root_ca_sha256", HexEncode(Hash32{7})},
                                   {"log_key", fewer.LogKey().ToString()},
                                   {"key", HexEncode(fewer.coordinator.signer->public_key())}});
  EXPECT_THAT(fewer.TryAdd("budget.reserved", fewer.Reserved(), "shop-0"),
              StatusIs(StatusCode::kFailedPrecondition, "S202"));
  fewer.Add("plan.registered", fewer.Plan());
  EXPECT_THAT(fewer.TryAdd("plan.registered", fewer.Plan()),
              StatusIs(StatusCode::kFailedPrecondition, "S207"));
  for (const char* tenant : {"shop-0", "shop-1", "shop-2", "shop-3", "shop-4", "shop-5"})
    fewer.Add("budget.reserved", fewer.Reserved(), tenant);
  EXPECT_THAT(fewer.TryAdd("rounds.opened", fewer.Opened(1, 4)),
              StatusIs(StatusCode::kFailedPrecondition, "S203: shop-6"));
}

TEST(LedgerWriting, ARevokedKeyWritesNothing) {
  SmallLedger ledger;
  ledger.Begin();
  const std::string other = "spiffe://fed.test/coordinator/c2";
  EXPECT_THAT(ledger.TryAdd("key.registered", {{"spiffe_id", "spiffe://evil.test/coordinator/x"},
                                               {"key", HexEncode(Hash32{5})}}),
              StatusIs(StatusCode::kFailedPrecondition, "K703"));
  ledger.Add("key.registered", {{"spiffe_id", other}, {"key", HexEncode(Hash32{5})}});
  EXPECT_THAT(
      ledger.TryAdd("key.registered", {{"spiffe_id", other}, {"key", HexEncode(Hash32{6})}}),
      StatusIs(StatusCode::kFailedPrecondition, "has a key already"));
  ledger.Add("key.revoked", {{"spiffe_id", SmallLedger::kActor}, {"reason", "stolen"}});
  EXPECT_THAT(ledger.TryAdd("rounds.opened", ledger.Opened(1, 4)),
              StatusIs(StatusCode::kFailedPrecondition, "K702"));
}

TEST(LedgerWriting, ATenantsPolicyStopsARunThatCostsMore) {
  SmallLedger ledger;
  ledger.Add("federation.genesis", {{"root_ca_sha256", HexEncode(Hash32{7})},
                                    {"log_key", ledger.LogKey().ToString()},
                                    {"key", HexEncode(ledger.coordinator.signer->public_key())}});
  ledger.Add("plan.registered", ledger.Plan());
  EXPECT_THAT(ledger.TryAdd("policy.set", {{"epsilon_cap", "100"}, {"delta_cap", "0.1"}}, "shop-0"),
              StatusIs(StatusCode::kFailedPrecondition, "E103"))
      << "not without the tenant's signature";
  const std::string seat = LedgerSeats(1)[0];
  ledger.Add("key.registered",
             {{"spiffe_id", seat}, {"key", HexEncode(ledger.tenant.signer->public_key())}});
  Entry policy;
  policy.header.seq = ledger.leaves.size();
  policy.header.prev = ledger.writer().rules().last_leaf();
  policy.header.federation = "fed.test";
  policy.header.tenant = "shop-0";
  policy.header.actor = seat;
  policy.header.time = ledger.time;
  policy.type = "policy.set";
  policy.body = {{"epsilon_cap", "7.99"}, {"delta_cap", "1e-5"}};
  ASSERT_OK(ledger.writer().Restore(SignEntry(policy, *ledger.tenant.signer).value()));
  EXPECT_THAT(ledger.TryAdd("budget.reserved", ledger.Reserved(), "shop-0"),
              StatusIs(StatusCode::kFailedPrecondition, "P303"));
  EXPECT_OK(ledger.TryAdd("budget.reserved", ledger.Reserved(), "shop-1"));
  // Its key is good for its own policy and for nothing else.
  Entry revocation = policy;
  revocation.header.seq = ledger.writer().rules().size();
  revocation.header.prev = ledger.writer().rules().last_leaf();
  revocation.type = "key.revoked";
  revocation.body = {{"spiffe_id", SmallLedger::kActor}, {"reason", "a rival"}};
  EXPECT_THAT(ledger.writer().Restore(SignEntry(revocation, *ledger.tenant.signer).value()),
              StatusIs(StatusCode::kDataLoss, "K704"));
}

TEST(Hidden, DigestsCommitToValueAndSalt) {
  ASSERT_OK_AND_ASSIGN(const Hash32 digest, HiddenDigest({1}, Json{{"auc", "0.7"}}));
  EXPECT_NE(digest, HiddenDigest({2}, Json{{"auc", "0.7"}}).value());
  EXPECT_NE(digest, HiddenDigest({1}, Json{{"auc", "0.8"}}).value());
  EXPECT_FALSE(HiddenDigest({1}, Json(0.7)).ok());
}

TEST(Findings, HaveOneCodeEach) {
  std::vector<std::string_view> codes;
  for (const FindingKind& kind : FindingKinds()) codes.push_back(kind.code);
  EXPECT_TRUE(std::ranges::is_sorted(codes));
  EXPECT_EQ(std::ranges::adjacent_find(codes), codes.end());
}

}  // namespace
}  // namespace veilsum::ledger
