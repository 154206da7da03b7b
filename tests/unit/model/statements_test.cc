// What tenants state in a ledger that somebody else writes, and what leaves the federation.
#include "model/ledger/tenant_statement.h"
#include "tests/unit/model/small_bundle.h"

namespace veilsum::ledger {
namespace {

using absl::StatusCode;

const std::string kSeat = LedgerSeats(1)[0];

TenantStatement Stating(const std::string& type, const Json& body, int minute = 1) {
  TenantStatement out;
  out.type = type;
  out.federation = "fed.test";
  out.seat = kSeat;
  out.issued = absl::StrFormat("2026-11-21T19:%02d:00.000Z", minute);
  out.body = body;
  return out;
}
TenantStatement Policy(const char* cap, int minute = 1) {
  return Stating("policy.set", {{"epsilon_cap", cap}, {"delta_cap", "1e-5"}}, minute);
}
TenantStatement Data(std::uint64_t persons, std::uint64_t overlap) {
  return Stating("dataset.declared", {{"unit", "customer"},
                                      {"adjacency", "add_remove"},
                                      {"contribution_bound", 1},
                                      {"n_upper", persons},
                                      {"overlap_bound", overlap}});
}

class Statements : public testing::Test {
 protected:
  Statements() {
    ledger_.Add("federation.genesis",
                {{"root_ca_sha256", HexEncode(Hash32{7})},
                 {"log_key", ledger_.LogKey().ToString()},
                 {"key", HexEncode(ledger_.coordinator.signer->public_key())}});
    ledger_.Add("plan.registered", ledger_.Plan());
    ledger_.Add("key.registered",
                {{"spiffe_id", kSeat}, {"key", HexEncode(ledger_.tenant.signer->public_key())}});
  }
  SignedStatement Signed(const TenantStatement& statement) const {
    return ParseStatement(SignStatement(statement, *ledger_.tenant.signer).value()).value();
  }
  absl::Status Write(const SignedStatement& statement, const std::string& tenant = "shop-0") {
    return ledger_.TryAdd(statement.statement.type, BodyOf(statement), tenant);
  }
  absl::Status Reserve() { return ledger_.TryAdd("budget.reserved", ledger_.Reserved(), "shop-0"); }

  SmallLedger ledger_;
};

TEST_F(Statements, ComeBackAsTheyWereSigned) {
  TenantStatement said = Policy("8");
  said.hidden["manifest"] = Hash32{3};
  const Bytes bytes = SignStatement(said, *ledger_.tenant.signer).value();
  ASSERT_OK_AND_ASSIGN(const SignedStatement parsed, ParseStatement(bytes));
  EXPECT_EQ(parsed.statement, said);
  EXPECT_TRUE(IsSignedBy(parsed, ledger_.tenant.signer->public_key()));
  EXPECT_FALSE(IsSignedBy(parsed, ledger_.auditor.signer->public_key()));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    Bytes flipped = bytes;
    flipped[at] ^= 1;
    const auto again = ParseStatement(flipped);
    EXPECT_FALSE(again.ok() && IsSignedBy(*again, ledger_.tenant.signer->public_key())) << at;
  }
}

TEST_F(Statements, APolicyCountsOnlyAsItsTenantSignedIt) {
  SignedStatement forged = Signed(Policy("7.99"));
  forged.statement.body["epsilon_cap"] = "100";
  EXPECT_THAT(Write(forged), StatusIs(StatusCode::kFailedPrecondition, "K705"));
  EXPECT_THAT(Write(Signed(Policy("7.99")), "shop-1"),
              StatusIs(StatusCode::kFailedPrecondition, "K703"));
  EXPECT_OK(Write(Signed(Policy("7.99"))));
  EXPECT_THAT(Reserve(), StatusIs(StatusCode::kFailedPrecondition, "P303"));
  EXPECT_OK(Write(Signed(Policy("8", 2))));
  EXPECT_OK(Reserve());
}

TEST_F(Statements, AnEarlierPolicyDoesNotComeBack) {
  const SignedStatement lax = Signed(Policy("100", 1));
  ASSERT_OK(Write(lax));
  ASSERT_OK(Write(Signed(Policy("7.99", 2))));
  EXPECT_THAT(Write(lax), StatusIs(StatusCode::kFailedPrecondition, "S210"));
  EXPECT_THAT(Reserve(), StatusIs(StatusCode::kFailedPrecondition, "P303"));
}

// Those who run a tenant's machines, and auditors, may have keys in the ledger, but no words there.
TEST_F(Statements, OnlyAClientSpeaksForItsTenant) {
  const SmallKey key(60);
  for (const std::string actor :
       {"spiffe://fed.test/tenant/shop-0/operator/op", "spiffe://fed.test/auditor/a"}) {
    SmallLedger ledger = ledger_;
    ledger.Add("key.registered",
               {{"spiffe_id", actor}, {"key", HexEncode(key.signer->public_key())}});
    const auto codes = [&](const std::string& type, const Json& body) {
      LedgerWriter writer(Author{"fed.test", actor, key.signer, {}, {}, 1}, SmallLedger::Blobs());
      for (const Bytes& leaf : ledger.leaves) EXPECT_OK(writer.Restore(leaf));
      NewEntry entry;
      entry.type = type;
      entry.tenant = "shop-0";
      entry.subject = "test";
      entry.body = body;
      return std::string(writer.Append(entry, ledger.time).status().message());
    };
    EXPECT_THAT(codes("policy.set", {{"epsilon_cap", "9"}, {"delta_cap", "1e-5"}}),
                testing::HasSubstr("K703"));
    EXPECT_THAT(codes("key.revoked", {{"spiffe_id", kSeat}, {"reason", "x"}}),
                testing::HasSubstr("K704"));
  }
}

// A tenant's own entry is its last word as well: no statement that it signed before replaces it.
TEST(OwnEntries, AreNotReplacedByAnEarlierStatement) {
  SmallBundle bundle;
  const Json lax = {{"epsilon_cap", "100"}, {"delta_cap", "1e-5"}};
  const Json strict = {{"epsilon_cap", "7"}, {"delta_cap", "1e-5"}};
  const std::string before = "2026-11-21T19:59:59.999Z", after = "2026-11-21T20:00:00.001Z";
  ASSERT_TRUE(bundle.AddAs(1, "policy.set", strict).empty());
  const auto codes = [&](const std::string& issued) {
    SmallBundle copy = bundle;
    std::string out;
    for (const Finding& finding : copy.AddStated(1, "policy.set", lax, issued)) out += finding.code;
    return out;
  };
  EXPECT_EQ(codes(before), "S210");
  EXPECT_EQ(codes(bundle.ledger.time), "S210");
  EXPECT_EQ(codes(after), "");
  // Nor does the entry take back the time of a statement that is ahead of it.
  ASSERT_TRUE(bundle.AddStated(1, "policy.set", lax, "2026-11-21T21:00:00.000Z").empty());
  ASSERT_TRUE(bundle.AddAs(1, "policy.set", strict).empty());
  EXPECT_EQ(codes(after), "S210");
}

// A time that is none would be later than all that follow.
TEST_F(Statements, AreIssuedAtATime) {
  for (const std::string issued : {"", "zzzz", "2026-11-21", "2026-11-21T19:01:00Z",
                                   "2026-13-21T19:01:00.000Z", "2026-11-21T24:01:00.000Z"}) {
    TenantStatement said = Policy("8");
    said.issued = issued;
    EXPECT_THAT(SignStatement(said, *ledger_.tenant.signer).status(),
                StatusIs(StatusCode::kInvalidArgument, "issued"));
    SignedStatement written = Signed(Policy("8"));
    written.statement.issued = issued;
    EXPECT_THAT(Write(written), StatusIs(StatusCode::kFailedPrecondition, "E103"));
  }
}

TEST_F(Statements, RealsAreDecimals) {
  for (const char* wrong : {"8/1", "08", ".5", "1.", "1E1", "+1", "inf", "nan", "", " 1"})
    EXPECT_THAT(Write(Signed(Policy(wrong))), StatusIs(StatusCode::kFailedPrecondition, "E103"))
        << wrong;
  EXPECT_OK(Write(Signed(Policy("0.8e1"))));
}

// An order is what the tenant has signed, or the policy is none.
TEST_F(Statements, ABlocksOrderIsTakenAsItIsOrNotAtAll) {
  const auto with_order = [&](std::uint64_t order, int minute) {
    TenantStatement said = Policy("8", minute);
    said.body["block"] = {{"epsilon", "900"}, {"delta", "1e-5"}, {"order", order}};
    return Signed(said);
  };
  for (const std::uint64_t order : {0ull, 1ull, 1025ull, (1ull << 32) + 8})
    EXPECT_THAT(Write(with_order(order, 1)), StatusIs(StatusCode::kFailedPrecondition, "E103"));
  ASSERT_OK(Write(with_order(1024, 2)));
  EXPECT_EQ(ledger_.writer().rules().policies().at("shop-0").block->order, 1024u);
  EXPECT_THAT(Write(with_order(256, 3)), StatusIs(StatusCode::kFailedPrecondition, "P306"));
}

TEST_F(Statements, DataThatIsTooManyPersonsForDeltaIsNotReserved) {
  EXPECT_THAT(Write(Signed(Data(1000, 0))), StatusIs(StatusCode::kFailedPrecondition, "E103"));
  ASSERT_OK(Write(Signed(Data(100000, 2))));
  EXPECT_EQ(ledger_.writer().rules().datasets().at("shop-0").overlap_bound, 2u);
  EXPECT_THAT(Reserve(), StatusIs(StatusCode::kFailedPrecondition, "P307"));
}

TEST_F(Statements, WhatWasErasedIsToldWithoutSayingWho) {
  EXPECT_OK(Write(Signed(Stating("erasure.performed", {{"kind", "objection"}}))));
  EXPECT_THAT(Write(Signed(Stating("erasure.performed", {{"kind", "objection"}, {"who", "x"}}, 2))),
              StatusIs(StatusCode::kFailedPrecondition, "E103"));
}

// A finished run of which a model was made in its seventh round.
class Releases : public testing::Test {
 protected:
  Releases() : ledger_(SmallLedger::Finished()) {}
  static Json Published(std::uint64_t counter, const Hash32& release, const std::string& model) {
    return {{"contract_hash", SmallRun::Get().name},
            {"model_id", "pref"},
            {"version", "1.0.0"},
            {"release_counter", counter},
            {"release_sha256", HexEncode(release)},
            {"manifest_sha256", HexEncode(Hash32{9})},
            {"model_sha256", model}};
  }
  static Json Moved(const Hash32& release, const char* from, const char* to) {
    return {{"rollout_id", "r1"}, {"release_sha256", HexEncode(release)},
            {"from", from},       {"to", to},
            {"percent", 5},       {"reason", "gates passed"},
            {"approvers", {"a"}}, {"gate_report_sha256", ""}};
  }
  static Json Revoked(const Hash32& release) {
    return {{"release_sha256", HexEncode(release)},
            {"reason", "wrong data"},
            {"approvers", {"a", "b"}}};
  }
  // With a model in its last round.
  void MakeModel() {
    ledger_ = SmallLedger();
    ledger_.Begin();
    ledger_.Add("rounds.opened", ledger_.Opened(1, 1));
    Json body = ledger_.Committed(1);
    body["model_sha256"] = kModel;
    ledger_.Add("round.committed", body);
  }
  const std::string kModel = HexEncode(Hash32{5});
  SmallLedger ledger_;
};

TEST_F(Releases, AreOfTheModelThatTheirRunMade) {
  EXPECT_THAT(ledger_.TryAdd("release.published", Published(1, {1}, kModel)),
              StatusIs(StatusCode::kFailedPrecondition, "M503"));
  MakeModel();
  EXPECT_OK(ledger_.TryAdd("release.published", Published(1, {1}, kModel)));
  EXPECT_THAT(ledger_.TryAdd("release.published", Published(2, {1}, kModel)),
              StatusIs(StatusCode::kFailedPrecondition, "S208"));
  EXPECT_THAT(ledger_.TryAdd("release.published", Published(1, {2}, kModel)),
              StatusIs(StatusCode::kFailedPrecondition, "S208"));
  EXPECT_OK(ledger_.TryAdd("release.published", Published(2, {2}, kModel)));
}

TEST_F(Releases, RollOutInOrderAndNotOnceRevoked) {
  MakeModel();
  EXPECT_THAT(ledger_.TryAdd("rollout.transition", Moved({1}, "draft", "validated")),
              StatusIs(StatusCode::kFailedPrecondition, "S208"));
  ledger_.Add("release.published", Published(1, {1}, kModel));
  EXPECT_THAT(ledger_.TryAdd("rollout.transition", Moved({1}, "shadow", "canary")),
              StatusIs(StatusCode::kFailedPrecondition, "S209"));
  ledger_.Add("rollout.transition", Moved({1}, "draft", "validated"));
  ledger_.Add("rollout.transition", Moved({1}, "validated", "canary"));
  EXPECT_THAT(ledger_.TryAdd("rollout.transition", Moved({1}, "canary", "everywhere")),
              StatusIs(StatusCode::kFailedPrecondition, "E103"));
  ledger_.Add("release.revoked", Revoked({1}));
  EXPECT_THAT(ledger_.TryAdd("release.revoked", Revoked({1})),
              StatusIs(StatusCode::kFailedPrecondition, "S208"));
  EXPECT_THAT(ledger_.TryAdd("rollout.transition", Moved({1}, "canary", "stable")),
              StatusIs(StatusCode::kFailedPrecondition, "S208"));
  EXPECT_OK(ledger_.TryAdd("rollout.transition", Moved({1}, "canary", "revoked")));
}

}  // namespace
}  // namespace veilsum::ledger
