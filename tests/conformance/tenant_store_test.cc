// One contract, every back end of TenantRegistry; then several coordinators and one PostgreSQL.
#include <atomic>
#include <thread>

#include "base/crypto/sha256.h"
#include "base/pki/signing_request.h"
#include "coordinator/identity/postgres_tenants.h"
#include "coordinator/identity/sqlite_tenants.h"
#include "tests/conformance/postgres_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_office.h"

namespace veilsum::coordinator {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kNow = 1'000'000;
constexpr std::chrono::seconds kPatience{60};

// A coordinator as far as its tenants go.
struct Replica {
  std::unique_ptr<PostgresLease> lease;  // null: alone
  std::unique_ptr<TenantRegistry> tenants;
  std::shared_ptr<std::atomic<int>> lost = std::make_shared<std::atomic<int>>(0);
};

TenantContext ContextOf(const std::string& tenant) {
  const auto operated = SpiffeId::Operator("fed.test", "o").value();
  return TenantContext::For({operated, {}, {}, "", {}, {}}, tenant).value();
}

SpiffeId CoordinatorId() { return SpiffeId::Parse(TestPki::CoordinatorUri()).value(); }

JoinToken TokenOf(const std::string& tenant, const std::string& id) {
  JoinToken token{
      "", SpiffeId::Client("fed.test", tenant, "c1").value(), "127.0.0.1:1", CoordinatorId(), {},
      0};
  token.id = id;
  token.expires = kNow + 10;
  return token;
}

Hash32 HashFor(std::string_view text) { return Sha256(text); }

std::unique_ptr<PostgresLease> Elected(const PostgresPlace& place) {
  auto lease = PostgresLease::Connect(place, "the test").value();
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!lease->TryAcquire().value()) {
    if (std::chrono::steady_clock::now() > end) return nullptr;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return lease;
}

Replica Lead(const PostgresPlace& place) {
  Replica out;
  out.lease = Elected(place);
  out.tenants =
      OpenPostgresTenants(place, out.lease->term(), [lost = out.lost](const absl::Status&) {
        ++*lost;
      }).value();
  return out;
}

struct TenantBackEnd {
  const char* name;
  absl::StatusOr<Replica> (*open)(const std::filesystem::path& folder);
};

absl::StatusOr<Replica> OpenSqlite(const std::filesystem::path& folder) {
  Replica out;
  VEILSUM_ASSIGN_OR_RETURN(out.tenants, OpenSqliteTenants(folder / "records"));
  return out;
}

absl::StatusOr<Replica> OpenPostgres(const std::filesystem::path& folder) {
  VEILSUM_ASSIGN_OR_RETURN(const PostgresPlace place, TestPlace(folder));
  return Lead(place);
}

class TenantStoreTest : public testing::TestWithParam<TenantBackEnd> {
 protected:
  void SetUp() override {
    InitialiseCrypto();
    auto opened = GetParam().open(folder_.path());
    if (absl::IsUnimplemented(opened.status())) GTEST_SKIP() << opened.status().message();
    ASSERT_OK(opened.status());
    replica_.emplace(*std::move(opened));
  }
  void Reopen() {
    replica_.reset();
    replica_.emplace(GetParam().open(folder_.path()).value());
  }
  TenantRegistry& tenants() { return *replica_->tenants; }
  TenantStore& store(const std::string& tenant = "acme") {
    if (const auto old = tenants().StoreOf(ContextOf(tenant)); old.ok()) return **old;
    EXPECT_OK(tenants().Create(ContextOf(tenant)));
    return *tenants().StoreOf(ContextOf(tenant)).value();
  }
  absl::Status Redeem(const std::string& id, std::string_view text, std::string_view keys,
                      std::int64_t now = kNow) {
    return store().Redeem(TokenOf("acme", id), HashFor(text), HashFor(keys), now);
  }

  TestFolder folder_;
  std::optional<Replica> replica_;
};

TEST_P(TenantStoreTest, TenantsAreCreatedOnceAndListedInOrder) {
  EXPECT_THAT(*tenants().Tenants(), IsEmpty());
  EXPECT_THAT(tenants().StoreOf(ContextOf("acme")).status(), StatusIs(StatusCode::kNotFound, ""));
  for (const char* tenant : {"zeta", "acme", "a-1"}) ASSERT_OK(tenants().Create(ContextOf(tenant)));
  EXPECT_THAT(tenants().Create(ContextOf("acme")),
              StatusIs(StatusCode::kAlreadyExists, "has existed"));
  Reopen();
  EXPECT_THAT(*tenants().Tenants(), ElementsAre("a-1", "acme", "zeta"));
  EXPECT_THAT(tenants().Create(ContextOf("zeta")),
              StatusIs(StatusCode::kAlreadyExists, "has existed"));
}

TEST_P(TenantStoreTest, ATokenIsForTheKeysThatCameFirst) {
  ASSERT_OK(store().AddToken(TokenOf("acme", "t1"), HashFor("text")));
  EXPECT_THAT(store().AddToken(TokenOf("acme", "t1"), HashFor("text")),
              StatusIs(StatusCode::kFailedPrecondition, ""));
  EXPECT_THAT(Redeem("t2", "text", "k"), StatusIs(StatusCode::kPermissionDenied, "not valid"));
  EXPECT_OK(Redeem("t1", "text", "k"));
  Reopen();
  EXPECT_OK(Redeem("t1", "text", "k"));  // the answer was lost
  EXPECT_THAT(Redeem("t1", "text", "other"), StatusIs(StatusCode::kPermissionDenied, "other keys"));
  EXPECT_OK(Redeem("t1", "text", "k"));
}

TEST_P(TenantStoreTest, FiveWrongAttemptsBurnAToken) {
  ASSERT_OK(store().AddToken(TokenOf("acme", "t1"), HashFor("text")));
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(Redeem("t1", "guess", "k"), StatusIs(StatusCode::kPermissionDenied, "not valid"));
    Reopen();
  }
  EXPECT_THAT(Redeem("t1", "text", "k"), StatusIs(StatusCode::kPermissionDenied, "burned"));
}

TEST_P(TenantStoreTest, AnExpiredTokenIsGoodForNobody) {
  ASSERT_OK(store().AddToken(TokenOf("acme", "t1"), HashFor("text")));
  EXPECT_THAT(Redeem("t1", "text", "k", kNow + 11),
              StatusIs(StatusCode::kPermissionDenied, "expired"));
  EXPECT_OK(Redeem("t1", "text", "k", kNow + 10));
}

TEST_P(TenantStoreTest, LeavesAndRevocationsLast) {
  ASSERT_OK(store().AddLeaf({"spiffe://fed.test/b", "b2", "00", 30}));
  ASSERT_OK(store().AddLeaf({"spiffe://fed.test/a", "a1", "01", 30}));
  ASSERT_OK(store().AddLeaf({"spiffe://fed.test/c", "c3", "02", 20}));
  EXPECT_THAT(store().AddLeaf({"spiffe://fed.test/c", "c3", "02", 20}),
              StatusIs(StatusCode::kFailedPrecondition, ""));
  // No reason is a cause not to revoke: one with a zero byte, one whose 400th byte is in a letter.
  ASSERT_OK(store().Deny({DeniedKind::kSerial, "a1"}, std::string_view("lost\0it", 7)));
  ASSERT_OK(store().Deny({DeniedKind::kSerial, "a1"}, "again"));
  ASSERT_OK(store().Deny({DeniedKind::kKey, "02"}, std::string(399, 'x') + "\xC3\xBC and more"));
  Reopen();
  ASSERT_OK_AND_ASSIGN(const std::vector<IssuedLeafRow> leaves, store().Leaves());
  ASSERT_EQ(leaves.size(), 3u);
  EXPECT_EQ(leaves[0].serial, "c3");
  EXPECT_EQ(leaves[1].serial, "a1");
  EXPECT_EQ(leaves[1].uri, "spiffe://fed.test/a");
  EXPECT_EQ(leaves[1].key, "01");
  EXPECT_EQ(leaves[1].expires, 30);
  ASSERT_OK_AND_ASSIGN(const std::vector<DeniedRow> denied, store().Denied());
  ASSERT_EQ(denied.size(), 2u);
  EXPECT_EQ(denied[0].kind, DeniedKind::kSerial);
  EXPECT_EQ(denied[0].value, "a1");
  EXPECT_EQ(denied[1].value, "02");
}

TEST_P(TenantStoreTest, ATenantReachesNothingOfAnother) {
  ASSERT_OK(store("acme").AddToken(TokenOf("acme", "t1"), HashFor("text")));
  ASSERT_OK(store("acme").AddLeaf({"spiffe://fed.test/a", "a1", "01", 30}));
  ASSERT_OK(store("acme").Deny({DeniedKind::kSerial, "a1"}, ""));
  TenantStore& bolt = store("bolt");
  EXPECT_THAT(*bolt.Leaves(), IsEmpty());
  EXPECT_THAT(*bolt.Denied(), IsEmpty());
  EXPECT_THAT(bolt.Redeem(TokenOf("bolt", "t1"), HashFor("text"), HashFor("k"), kNow),
              StatusIs(StatusCode::kPermissionDenied, "not valid"));
  ASSERT_OK(bolt.AddToken(TokenOf("bolt", "t1"), HashFor("its own")));
  ASSERT_OK(bolt.AddLeaf({"spiffe://fed.test/b", "a1", "02", 31}));
  EXPECT_OK(Redeem("t1", "text", "k"));
  EXPECT_EQ(store("acme").Leaves()->at(0).key, "01");
}

TEST_P(TenantStoreTest, TheListLearnsOfEveryTenant) {
  const auto check = [&](const std::string& tenant) {
    DenyList deny;
    EXPECT_OK(tenants().Tell(CoordinatorId(), deny));
    return deny.CheckName(SpiffeId::Client("fed.test", tenant, "c1").value(), {});
  };
  store("acme"), store("bolt");
  EXPECT_OK(check("acme"));
  ASSERT_OK(store("bolt").Deny({DeniedKind::kTenant, "bolt"}, "left"));
  Reopen();
  EXPECT_OK(check("acme"));
  EXPECT_THAT(check("bolt"), StatusIs(StatusCode::kUnauthenticated, "revoked"));
  EXPECT_THAT(check("cara"), StatusIs(StatusCode::kUnauthenticated, "no tenant"));
}

// Twice, as after a crash before the folder had its other name.
TEST_P(TenantStoreTest, RecordsInFilesAreTakenOverOnce) {
  const std::filesystem::path old = folder_.path() / "old";
  for (int round = 0; round < 2; ++round) {
    {
      auto files = OpenSqliteTenants(old).value();
      ASSERT_OK(files->Create(ContextOf("acme")));
      TenantStore& acme = *files->StoreOf(ContextOf("acme")).value();
      for (const char* id : {"t1", "t2", "t3"})
        ASSERT_OK(acme.AddToken(TokenOf("acme", id), HashFor("text")));
      ASSERT_OK(acme.Redeem(TokenOf("acme", "t1"), HashFor("text"), HashFor("k"), kNow));
      for (int i = 0; i < 5; ++i)
        ASSERT_FALSE(acme.Redeem(TokenOf("acme", "t2"), HashFor("guess"), HashFor("k"), kNow).ok());
      ASSERT_OK(acme.AddLeaf({"spiffe://fed.test/a", "a1", "01", 30}));
      ASSERT_OK(acme.Deny({DeniedKind::kSerial, "a1"}, "lost"));
    }
    ASSERT_OK(MoveSqliteTenants(old, CoordinatorId(), tenants()));
    EXPECT_FALSE(std::filesystem::exists(old / "tenants"));
    std::filesystem::remove_all(old / "tenants.moved");
    EXPECT_THAT(Redeem("t1", "text", "other"),
                StatusIs(StatusCode::kPermissionDenied, "other keys"));
    EXPECT_OK(Redeem("t1", "text", "k"));
    EXPECT_THAT(Redeem("t2", "text", "k"), StatusIs(StatusCode::kPermissionDenied, "burned"));
    // Used between both: the second copy does not make it fresh again.
    EXPECT_OK(Redeem("t3", "text", "k"));
    EXPECT_THAT(Redeem("t3", "text", "other"),
                StatusIs(StatusCode::kPermissionDenied, "other keys"));
    EXPECT_EQ(store().Leaves()->size(), 1u);
    EXPECT_EQ(store().Denied()->size(), 1u);
  }
  EXPECT_OK(MoveSqliteTenants(old, CoordinatorId(), tenants()));  // there is nothing any more
}

INSTANTIATE_TEST_SUITE_P(BackEnds, TenantStoreTest,
                         testing::Values(TenantBackEnd{"sqlite", OpenSqlite},
                                         TenantBackEnd{"postgres", OpenPostgres}),
                         [](const auto& tested) { return std::string(tested.param.name); });

class TenantReplicasTest : public testing::Test {
 protected:
  void SetUp() override {
    InitialiseCrypto();
    const absl::StatusOr<PostgresPlace> place = TestPlace(folder_.path());
    if (!place.ok()) GTEST_SKIP() << place.status().message();
    place_ = *place;
  }
  // As a network does that fails between a leader's lease and the server.
  void CutLeases() {
    ExecuteTestPostgres(folder_.path(),
                        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = "
                        "'advisory' AND granted");
  }
  static TenantStore& Acme(Replica& replica) {
    return *replica.tenants->StoreOf(ContextOf("acme")).value();
  }

  TestFolder folder_;
  PostgresPlace place_;
};

// Whatever the lease says: rows are locked, so two sessions that both may write do not both win.
TEST_F(TenantReplicasTest, OfTwoRedemptionsAtOnceOneWins) {
  Replica one = Lead(place_);
  ASSERT_OK(one.tenants->Create(ContextOf("acme")));
  const auto other = OpenPostgresTenants(place_, one.lease->term()).value();
  TenantStore* const stores[] = {&Acme(one), other->StoreOf(ContextOf("acme")).value()};
  for (int i = 0; i < 20; ++i) {
    const JoinToken token = TokenOf("acme", absl::StrFormat("t%d", i));
    ASSERT_OK(stores[i % 2]->AddToken(token, HashFor("text")));
    absl::Status ends[2];
    std::thread threads[2];
    for (int side = 0; side < 2; ++side)
      threads[side] = std::thread([&, side] {
        ends[side] = stores[side]->Redeem(token, HashFor("text"), HashFor(side ? "a" : "b"), kNow);
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_NE(ends[0].ok(), ends[1].ok()) << ends[0] << " " << ends[1];
    EXPECT_THAT(ends[ends[0].ok() ? 1 : 0], StatusIs(StatusCode::kPermissionDenied, "other keys"));
  }
}

// Five guesses in all, whichever session they come by.
TEST_F(TenantReplicasTest, WrongAttemptsOfTwoSessionsAreCountedTogether) {
  Replica one = Lead(place_);
  ASSERT_OK(one.tenants->Create(ContextOf("acme")));
  const auto other = OpenPostgresTenants(place_, one.lease->term()).value();
  TenantStore* const stores[] = {&Acme(one), other->StoreOf(ContextOf("acme")).value()};
  const JoinToken token = TokenOf("acme", "t1");
  ASSERT_OK(stores[0]->AddToken(token, HashFor("text")));
  std::atomic<int> wrong = 0, burned = 0;
  std::thread threads[2];
  for (int side = 0; side < 2; ++side)
    threads[side] = std::thread([&, side] {
      for (int i = 0; i < 5; ++i) {
        const absl::Status end = stores[side]->Redeem(token, HashFor("guess"), HashFor("k"), kNow);
        ++(end.message() == "the join token is burned" ? burned : wrong);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 5);
  EXPECT_EQ(burned, 5);
}

TEST_F(TenantReplicasTest, AnOldLeaderWritesNothing) {
  Replica old = Lead(place_);
  ASSERT_OK(old.tenants->Create(ContextOf("acme")));
  const JoinToken token = TokenOf("acme", "t1");
  ASSERT_OK(Acme(old).AddToken(token, HashFor("text")));
  CutLeases();
  Replica leads = Lead(place_);
  EXPECT_GT(leads.lease->term(), old.lease->term());
  EXPECT_EQ(*old.lost, 0);
  for (const absl::Status& refused :
       {old.tenants->Create(ContextOf("bolt")),
        Acme(old).AddToken(TokenOf("acme", "t2"), HashFor("text")),
        Acme(old).Redeem(token, HashFor("text"), HashFor("k"), kNow),
        Acme(old).AddLeaf({"spiffe://fed.test/a", "a1", "01", 30}),
        Acme(old).Deny({DeniedKind::kSerial, "a1"}, ""), Acme(old).CopyFrom(Acme(leads))})
    EXPECT_THAT(refused, StatusIs(StatusCode::kAborted, "no longer leader"));
  EXPECT_EQ(*old.lost, 6);
  EXPECT_THAT(*leads.tenants->Tenants(), ElementsAre("acme"));
  EXPECT_THAT(*Acme(leads).Leaves(), IsEmpty());
  EXPECT_THAT(*Acme(leads).Denied(), IsEmpty());
  EXPECT_OK(Acme(leads).Redeem(token, HashFor("text"), HashFor("other"), kNow));
  EXPECT_THAT(Acme(leads).Redeem(TokenOf("acme", "t2"), HashFor("text"), HashFor("k"), kNow),
              StatusIs(StatusCode::kPermissionDenied, "not valid"));
}

// Two offices with one issuer: what one has made the other knows as soon as it leads.
TEST_F(TenantReplicasTest, TheNextLeaderRedeemsAndHasWhatWasRevoked) {
  const TestPki pki;
  TestOffice a(pki);
  const Principal admin = TestOffice::PrincipalOf(*pki.Operator());
  Replica first = Lead(place_);
  a.office = IdentityOffice::Open(a.config, std::move(first.tenants), *a.deny, a.rng).value();
  ASSERT_OK(a.office->CreateTenant(admin, "acme"));
  ASSERT_OK(a.office->CreateTenant(admin, "bolt"));
  enroll::v1::RedeemRequest request;
  request.set_token(a.Token(pki, "acme"));
  request.set_tls_request(std::string(AsText(MakeSigningRequest(NewTlsKey().value()).value())));
  request.set_signing_request(
      std::string(AsText(MakeSigningRequest(NewSigningKey().value()).value())));
  tenancy::v1::RevokeTenantRequest revoke;
  revoke.set_tenant("bolt");
  ASSERT_OK(a.office->RevokeTenant(admin, revoke));

  CutLeases();
  Replica second = Lead(place_);
  DenyList deny;
  auto b = IdentityOffice::Open(a.config, std::move(second.tenants), deny, a.rng).value();
  EXPECT_THAT(deny.CheckName(SpiffeId::Client("fed.test", "bolt", "c1").value(), {}),
              StatusIs(StatusCode::kUnauthenticated, "revoked"));
  EXPECT_THAT(a.office->Redeem(request).status(), StatusIs(StatusCode::kAborted, "no longer"));
  EXPECT_OK(b->Redeem(request).status());
  request.set_tls_request(std::string(AsText(MakeSigningRequest(NewTlsKey().value()).value())));
  EXPECT_THAT(b->Redeem(request).status(), StatusIs(StatusCode::kPermissionDenied, "other keys"));
  tenancy::v1::ListClientsRequest list;
  list.set_tenant("acme");
  EXPECT_EQ(b->ListClients(admin, list)->leaves_size(), 2);
  EXPECT_GT(*first.lost, 0);
}

// The database itself would refuse: with rights for one schema a store does all that it has to.
TEST_F(TenantReplicasTest, AStoreNeedsNoSchemaButItsOwn) {
  Replica leads = Lead(place_);
  ASSERT_OK(leads.tenants->Create(ContextOf("acme")));
  ASSERT_OK(leads.tenants->Create(ContextOf("bolt")));
  const std::string acme = TenantSchema(place_.schema, "acme"),
                    bolt = TenantSchema(place_.schema, "bolt"), role = "only_" + acme;
  EXPECT_NE(acme, bolt);
  EXPECT_NE(acme, TenantSchema(place_.schema + "2", "acme"));
  const auto db = PostgresDatabase::Connect(place_).value();
  ASSERT_OK(db->Execute("CREATE ROLE " + role + "; GRANT USAGE ON SCHEMA " + acme + " TO " + role +
                        "; GRANT ALL ON ALL TABLES IN SCHEMA " + acme + " TO " + role +
                        "; SET ROLE " + role));
  TenantStore own(*db, acme), foreign(*db, bolt);
  ASSERT_OK(own.AddToken(TokenOf("acme", "t1"), HashFor("text")));
  EXPECT_OK(own.Redeem(TokenOf("acme", "t1"), HashFor("text"), HashFor("k"), kNow));
  EXPECT_OK(own.AddLeaf({"spiffe://fed.test/a", "a1", "01", 30}));
  EXPECT_OK(own.Deny({DeniedKind::kSerial, "a1"}, ""));
  EXPECT_EQ(own.Leaves()->size(), 1u);
  EXPECT_EQ(own.Denied()->size(), 1u);
  for (const absl::Status& refused :
       {foreign.Leaves().status(), foreign.Denied().status(),
        foreign.AddToken(TokenOf("bolt", "t1"), HashFor("text")), own.CopyFrom(foreign)})
    EXPECT_THAT(refused, StatusIs(StatusCode::kInternal, "permission denied"));
}

}  // namespace
}  // namespace veilsum::coordinator
