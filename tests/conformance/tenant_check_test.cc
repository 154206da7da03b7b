// fsck of tenants' records, in files and in PostgreSQL: what the office writes passes, and every
// row that it would not have written is named.
#include "coordinator/identity/tenant_check.h"

#include "absl/strings/str_replace.h"
#include "base/crypto/sha256.h"
#include "base/file.h"
#include "base/sqlite/database.h"
#include "coordinator/identity/postgres_tenants.h"
#include "coordinator/identity/sqlite_tenants.h"
#include "tests/conformance/postgres_store.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"

namespace veilsum::coordinator {
namespace {

using absl::StatusCode;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// Where a back end keeps the records of acme, and how somebody changes them behind its back.
struct CheckedBackEnd {
  const char* name;
  bool postgres;
};

class TenantCheckTest : public testing::TestWithParam<CheckedBackEnd> {
 protected:
  void SetUp() override {
    InitialiseCrypto();
    if (GetParam().postgres) {
      const absl::StatusOr<PostgresPlace> place = TestPlace(folder_.path());
      if (!place.ok()) GTEST_SKIP() << place.status().message();
      place_ = *place;
      auto lease = PostgresLease::Connect(place_, "the test").value();
      ASSERT_TRUE(lease->TryAcquire().value());
      Fill(*OpenPostgresTenants(place_, lease->term()).value());
    } else {
      Fill(*OpenSqliteTenants(records()).value());
    }
  }

  std::filesystem::path records() const { return folder_.path() / "records"; }
  std::filesystem::path acme() const { return records() / "tenants" / "acme.sqlite"; }
  static std::string Uri(const std::string& tenant) {
    return SpiffeId::Client("fed.test", tenant, "c1")->ToString();
  }

  // As the office does: two tenants, one with a client who redeemed, renewed and was revoked.
  static void Fill(TenantRegistry& tenants) {
    const auto operated = SpiffeId::Operator("fed.test", "o").value();
    for (const char* tenant : {"acme", "bolt"}) {
      const auto context = TenantContext::For({operated, {}, {}, "", {}, {}}, tenant).value();
      ASSERT_OK(tenants.Create(context));
      TenantStore& store = **tenants.StoreOf(context);
      JoinToken token{"t1",     SpiffeId::Client("fed.test", tenant, "c1").value(),
                      "",       SpiffeId::Coordinator("fed.test", "c").value(),
                      Hash32{}, 1000};
      ASSERT_OK(store.AddToken(token, Sha256("one")));
      ASSERT_OK(store.Redeem(token, Sha256("one"), Sha256("keys"), 10));
      token.id = "t2";
      ASSERT_OK(store.AddToken(token, Sha256("two")));
      for (const char* serial : {"a1", "b2"})
        ASSERT_OK(store.AddLeaf({Uri(tenant), serial, HexEncode(Sha256(serial)), 2000}));
      ASSERT_OK(store.Deny({DeniedKind::kSerial, "a1"}, "lost"));
      ASSERT_OK(store.Deny({DeniedKind::kKey, HexEncode(Sha256("b2"))}, "copied"));
      ASSERT_OK(store.Deny({DeniedKind::kName, Uri(tenant)}, ""));
      ASSERT_OK(store.Deny({DeniedKind::kTenant, tenant}, "left"));
    }
  }

  absl::StatusOr<TenantsCheck> Check() const {
    return GetParam().postgres ? CheckPostgresTenants(place_) : CheckSqliteTenants(records());
  }

  // BLOB is a blob of one byte.
  std::vector<std::string> After(const std::string& sql) {
    if (GetParam().postgres) {
      ExecuteTestPostgres(
          folder_.path(),
          "SET search_path = " + TenantSchema(place_.schema, "acme") +
              "; ALTER TABLE tokens DROP CONSTRAINT IF EXISTS tokens_text_sha256_check;"
              "ALTER TABLE tokens DROP CONSTRAINT IF EXISTS tokens_keys_sha256_check;" +
              absl::StrReplaceAll(sql, {{"BLOB", "'\\x00'::bytea"}}));
    } else {
      auto db = sqlite::Database::Open(acme()).value();
      EXPECT_OK(db.Execute("PRAGMA ignore_check_constraints=ON"));
      EXPECT_OK(db.Execute(absl::StrReplaceAll(sql, {{"BLOB", "x'00'"}})));
    }
    const absl::StatusOr<TenantsCheck> check = Check();
    EXPECT_OK(check.status());
    return check.ok() ? check->faults : std::vector<std::string>{"no answer"};
  }

  TestFolder folder_;
  PostgresPlace place_;
};

TEST_P(TenantCheckTest, WhatTheOfficeWritesIsSound) {
  ASSERT_OK_AND_ASSIGN(const TenantsCheck check, Check());
  EXPECT_THAT(check.faults, IsEmpty());
  EXPECT_EQ(check.tenants, 2u);
  EXPECT_EQ(check.tokens, 4u);
  EXPECT_EQ(check.leaves, 4u);
  EXPECT_EQ(check.denied, 8u);
}

TEST_P(TenantCheckTest, NamesTheFaultsOfATokenAndWhatToDo) {
  const std::vector<std::string> faults = After(
      "UPDATE tokens SET text_sha256 = BLOB, wrong = 6 WHERE id = 't1';"
      "UPDATE tokens SET keys_sha256 = BLOB, subject = '" +
      Uri("bolt") + "', expires = 0 WHERE id = 't2'");
  // SQLite names both constraints as well.
  EXPECT_EQ(faults.size(), GetParam().postgres ? 5u : 7u);
  EXPECT_THAT(faults, Contains(AllOf(HasSubstr("tenant acme: tokens t1: text_sha256 has 1 bytes"),
                                     HasSubstr("make another token"))));
  EXPECT_THAT(faults, Contains(HasSubstr("tokens t1: wrong is 6, must be 0 to 5")));
  EXPECT_THAT(faults, Contains(HasSubstr("tokens t2: keys_sha256 has 1 bytes")));
  EXPECT_THAT(faults, Contains(HasSubstr("tokens t2: subject " + Uri("bolt") + " is nobody")));
  EXPECT_THAT(faults, Contains(HasSubstr("tokens t2: expires is 0")));
}

TEST_P(TenantCheckTest, NamesTheFaultsOfALeafAndWhatToDo) {
  const std::vector<std::string> faults =
      After("INSERT INTO leaves(serial, uri, key, expires) VALUES('c3', '" + Uri("cara") +
            "', '00', -1), ('A1', '" + Uri("acme") + "', '" + HexEncode(Sha256("A1")) + "', 1)");
  EXPECT_EQ(faults.size(), 4u);
  EXPECT_THAT(faults, Contains(AllOf(HasSubstr("tenant acme: leaves c3: uri " + Uri("cara")),
                                     HasSubstr("revoke its name, then enrol anew"))));
  EXPECT_THAT(faults, Contains(HasSubstr("leaves c3: key of 2 characters, must be 64")));
  EXPECT_THAT(faults, Contains(HasSubstr("leaves c3: expires is -1")));
  EXPECT_THAT(faults, Contains(HasSubstr("leaves A1: serial is not lower-case hex")));
}

TEST_P(TenantCheckTest, NamesTheFaultsOfARevocationAndWhatToDo) {
  const std::vector<std::string> faults = After(
      "INSERT INTO denied(kind, value, reason, at) VALUES(0, 'd4', '', 1), (1, 'e5', '', 1), "
      "(2, '" +
      Uri("bolt") + "', '', 1), (3, 'bolt', '', 1), (7, 'x', '', 1), (0, 'b2', '" +
      std::string(401, 'r') + "', 0)");
  EXPECT_EQ(faults.size(), 7u);
  EXPECT_THAT(faults, Contains(AllOf(HasSubstr("tenant acme: denied d4: no leaf of this tenant has "
                                               "this serial"),
                                     HasSubstr("from a backup, or revoke by name"))));
  EXPECT_THAT(faults, Contains(HasSubstr("denied e5: no leaf of this tenant has this key")));
  EXPECT_THAT(faults, Contains(HasSubstr("the name is nobody of this tenant")));
  EXPECT_THAT(faults, Contains(HasSubstr("denied bolt: it revokes another tenant")));
  EXPECT_THAT(faults, Contains(HasSubstr("denied x: kind is 7, must be 0 to 3")));
  EXPECT_THAT(faults, Contains(HasSubstr("denied b2: reason of 401 bytes, at most 400")));
  EXPECT_THAT(faults, Contains(HasSubstr("denied b2: at is 0")));
}

// A leaf that is gone although it was revoked: its revocation alone is left.
TEST_P(TenantCheckTest, NamesWhatIsLeftOfALeafThatIsGone) {
  EXPECT_THAT(After("DELETE FROM leaves WHERE serial = 'a1'"),
              testing::ElementsAre(HasSubstr("denied a1: no leaf of this tenant has this serial")));
}

TEST_P(TenantCheckTest, NamesATableThatIsNotThereAndChecksTheOtherTenants) {
  EXPECT_THAT(After("DROP TABLE leaves"),
              testing::ElementsAre(AllOf(HasSubstr("tenant acme: leaves table: it is not there"),
                                         HasSubstr("from a backup"))));
  EXPECT_EQ(Check()->leaves, 2u) << "of bolt";
}

TEST_P(TenantCheckTest, ManyFaultsAreCut) {
  std::string sql = "DELETE FROM denied";
  for (int i = 0; i < 200; ++i)
    sql += absl::StrFormat("; INSERT INTO denied(kind, value, reason) VALUES(9, '%d', '')", i);
  EXPECT_EQ(After(sql).size(), kMostTenantFaults);
}

INSTANTIATE_TEST_SUITE_P(BackEnds, TenantCheckTest,
                         testing::Values(CheckedBackEnd{"sqlite", false},
                                         CheckedBackEnd{"postgres", true}),
                         [](const auto& tested) { return std::string(tested.param.name); });

class TenantFilesCheckTest : public TenantCheckTest {};
INSTANTIATE_TEST_SUITE_P(Sqlite, TenantFilesCheckTest,
                         testing::Values(CheckedBackEnd{"sqlite", false}));

TEST_P(TenantFilesCheckTest, NamesAFileThatIsNone) {
  ASSERT_OK(WriteFile(records() / "tenants" / "cara.sqlite", std::string(4096, 'x')));
  ASSERT_OK(WriteFile(records() / "tenants" / "No Tenant.sqlite", ""));
  ASSERT_OK_AND_ASSIGN(const TenantsCheck check, Check());
  EXPECT_EQ(check.tenants, 4u);
  EXPECT_THAT(check.faults, Contains(HasSubstr("tenant cara: database")));
  EXPECT_THAT(check.faults, Contains(HasSubstr("no tenant can have this id; take the file away")));
  EXPECT_THAT(check.faults, Contains(HasSubstr("schema_migrations table: it is not there")));
}

TEST_P(TenantFilesCheckTest, SaysWhatItCannotRead) {
  EXPECT_THAT(After("UPDATE schema_migrations SET sha256 = 'x'"),
              testing::ElementsAre(HasSubstr("applied with another text")));
  {
    auto db = sqlite::Database::Open(acme()).value();
    ASSERT_OK(db.Execute("INSERT INTO schema_migrations VALUES(99, 'x')"));
  }
  EXPECT_THAT(Check().status(), StatusIs(StatusCode::kFailedPrecondition, "schema 99"));
  EXPECT_EQ(CheckSqliteTenants(folder_.path() / "none")->tenants, 0u);
}

class TenantSchemasCheckTest : public TenantCheckTest {};
INSTANTIATE_TEST_SUITE_P(Postgres, TenantSchemasCheckTest,
                         testing::Values(CheckedBackEnd{"postgres", true}));

TEST_P(TenantSchemasCheckTest, NamesATenantWithoutItsSchema) {
  ExecuteTestPostgres(folder_.path(),
                      "UPDATE tenants SET schema = 'elsewhere' WHERE tenant = 'bolt';"
                      "INSERT INTO tenants(tenant, schema, version) VALUES('cara', 'none', 1), "
                      "('No Tenant', 'no', 1)");
  ASSERT_OK_AND_ASSIGN(const TenantsCheck check, Check());
  EXPECT_EQ(check.tenants, 4u);
  EXPECT_THAT(check.faults, Contains(HasSubstr("tenants bolt: schema is not " +
                                               TenantSchema(place_.schema, "bolt"))));
  EXPECT_THAT(check.faults, Contains(HasSubstr("tenant cara: leaves table: it is not there")));
  EXPECT_THAT(check.faults, Contains(HasSubstr("tenants No Tenant: no tenant can have this id")));
  ExecuteTestPostgres(folder_.path(), "UPDATE tenants SET version = 2 WHERE tenant = 'acme'");
  EXPECT_THAT(Check().status(), StatusIs(StatusCode::kFailedPrecondition, "version 2"));
}

}  // namespace
}  // namespace veilsum::coordinator
