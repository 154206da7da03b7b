#include "base/pki/spiffe_id.h"

#include "tests/support/status_matchers.h"

namespace veilsum {
namespace {

TEST(SpiffeId, ParsesTheRoles) {
  ASSERT_OK_AND_ASSIGN(const SpiffeId client,
                       SpiffeId::Parse("spiffe://fed.example/tenant/acme/client/c-1_A.b"));
  EXPECT_EQ(client.role(), SpiffeRole::kClient);
  EXPECT_EQ(client.domain(), "fed.example");
  EXPECT_EQ(client.tenant(), "acme");
  EXPECT_EQ(client.name(), "c-1_A.b");
  EXPECT_EQ(client.ToString(), "spiffe://fed.example/tenant/acme/client/c-1_A.b");
  ASSERT_OK_AND_ASSIGN(const SpiffeId node, SpiffeId::Parse("spiffe://fed.example/coordinator/n1"));
  EXPECT_EQ(node.role(), SpiffeRole::kCoordinator);
  ASSERT_OK_AND_ASSIGN(const SpiffeId user, SpiffeId::Parse("spiffe://fed.example/operator/ann"));
  EXPECT_EQ(user.role(), SpiffeRole::kOperator);
  ASSERT_OK_AND_ASSIGN(const SpiffeId staff,
                       SpiffeId::Parse("spiffe://fed.example/tenant/acme/operator/bea"));
  EXPECT_EQ(staff.role(), SpiffeRole::kTenantOperator);
  EXPECT_EQ(staff.tenant(), "acme");
  ASSERT_OK_AND_ASSIGN(const SpiffeId auditor, SpiffeId::Parse("spiffe://fed.example/auditor/a1"));
  EXPECT_EQ(auditor.role(), SpiffeRole::kAuditor);
  ASSERT_OK_AND_ASSIGN(const SpiffeId witness, SpiffeId::Parse("spiffe://fed.example/witness/w1"));
  EXPECT_EQ(witness.role(), SpiffeRole::kWitness);
  EXPECT_EQ(witness.tenant(), "");
  ASSERT_OK_AND_ASSIGN(const SpiffeId made, SpiffeId::Client("fed.example", "acme", "c-1_A.b"));
  EXPECT_EQ(made, client);
}

class SpiffeIdRefuses : public testing::TestWithParam<std::string> {};
TEST_P(SpiffeIdRefuses, WhatIsNotAnId) {
  EXPECT_THAT(SpiffeId::Parse(GetParam()), StatusIs(absl::StatusCode::kInvalidArgument, ""));
}
INSTANTIATE_TEST_SUITE_P(
    Texts, SpiffeIdRefuses,
    testing::Values(
        "", "spiffe://", "https://fed.example/coordinator/n1", "spiffe://fed.example",
        "spiffe://fed.example/", "spiffe://fed.example/coordinator",
        "spiffe://fed.example/coordinator/", "spiffe:///coordinator/n1",
        "spiffe://fed.example/coordinator/n1/", "spiffe://fed.example/coordinator/n1/x",
        "spiffe://Fed.example/coordinator/n1", "spiffe://fed.example:443/coordinator/n1",
        "spiffe://fed.example/coordinator/..", "spiffe://fed.example/coordinator/n%31",
        "spiffe://fed.example/coordinator/n1?x", "spiffe://fed.example/coordinator/n1#x",
        "spiffe://fed.example/tenant/ab/client/c", "spiffe://fed.example/tenant/Acme/client/c",
        "spiffe://fed.example/tenant/acme_x/client/c", "spiffe://fed.example/tenant/acme/auditor/c",
        "spiffe://fed.example/tenant operator/a", "spiffe://fed.example/client/a",
        "spiffe://fed.example/tenant/acme/operator/",
        std::string("spiffe://fed.example/coordinator/n\0", 35),
        "spiffe://fed.example/coordinator/" + std::string(65, 'a'),
        "spiffe://" + std::string(3000, 'a')));

TEST(LegalTenantId, KeepsOrMendsFolderNames) {
  EXPECT_EQ(LegalTenantId("region_1"), "region-1");
  EXPECT_EQ(LegalTenantId("Acme Shop.eu"), "acme-shop-eu");
  const auto legal = [](const std::string& folder) {
    return SpiffeId::Client("fed.example", LegalTenantId(folder), "c").ok();
  };
  for (const std::string folder :
       {"", "a", "ab", "商店", "naïve", "x/y", "0123456789012345678901234567890123456789z"})
    EXPECT_TRUE(legal(folder)) << folder;
  EXPECT_NE(LegalTenantId("商店"), LegalTenantId("商場"));
  EXPECT_EQ(LegalTenantId("商店"), LegalTenantId("商店"));
}

}  // namespace
}  // namespace veilsum
