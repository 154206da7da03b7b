#include "client/policy/policy.h"

#include <cmath>

#include "tests/support/status_matchers.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;

constexpr char kPolicy[] = R"(
epsilon_cap = 3
delta_cap = 1e-5
allowed_plans = ["shoppers"]
allowed_plan_sha256 = ["0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]
minimum_customers = 100
)";

PlanFacts Good() { return {"shoppers", "", 3, 1e-5, true, 100}; }

TEST(Policy, AdmitsWhatItAllows) {
  ASSERT_OK_AND_ASSIGN(const Policy policy, ParsePolicy(kPolicy, "p.toml"));
  EXPECT_OK(CheckPolicy(policy, Good()));
  PlanFacts by_hash = Good();
  by_hash.plan_name = "other";
  by_hash.plan_sha256 = policy.allowed_plan_sha256[0];
  EXPECT_OK(CheckPolicy(policy, by_hash));
}

struct Change {
  const char* code;
  void (*apply)(PlanFacts&);
};
class PolicyDeclines : public testing::TestWithParam<Change> {};
TEST_P(PolicyDeclines, WithItsCode) {
  ASSERT_OK_AND_ASSIGN(const Policy policy, ParsePolicy(kPolicy, "p.toml"));
  PlanFacts facts = Good();
  GetParam().apply(facts);
  EXPECT_THAT(CheckPolicy(policy, facts), StatusIs(StatusCode::kPermissionDenied, GetParam().code));
}
INSTANTIATE_TEST_SUITE_P(
    Rules, PolicyDeclines,
    testing::Values(Change{"POLICY_PLAN", [](auto& f) { f.plan_name = "x"; }},
                    Change{"POLICY_EPSILON", [](auto& f) { f.epsilon = 3.0001; }},
                    Change{"POLICY_EPSILON", [](auto& f) { f.epsilon = std::nan(""); }},
                    Change{"POLICY_EPSILON", [](auto& f) { f.epsilon = INFINITY; }},
                    Change{"POLICY_DELTA", [](auto& f) { f.delta = 2e-5; }},
                    Change{"POLICY_NO_PRIVACY", [](auto& f) { f.is_private = false; }},  // SE-12
                    Change{"POLICY_CUSTOMERS", [](auto& f) { f.customers = 99; }}));

TEST(Policy, NoPrivacyNeedsAnOptIn) {  // SE-12
  ASSERT_OK_AND_ASSIGN(const Policy policy, ParsePolicy("allow_no_privacy = true", "p.toml"));
  PlanFacts facts = Good();
  EXPECT_THAT(CheckPolicy(policy, facts),
              StatusIs(StatusCode::kPermissionDenied, "POLICY_EPSILON"));
  facts.is_private = false;
  EXPECT_OK(CheckPolicy(policy, facts));
}

TEST(Policy, APlanWithABeaconIsAllowedByItsHashOnly) {
  Policy policy;
  policy.epsilon_cap = 3;
  policy.delta_cap = 1e-5;
  policy.allowed_plans = {"shoppers"};
  PlanFacts facts = Good();
  facts.plan_sha256 = std::string(64, 'a');
  EXPECT_OK(CheckPolicy(policy, facts));
  facts.has_beacon = true;
  EXPECT_THAT(CheckPolicy(policy, facts),
              StatusIs(absl::StatusCode::kPermissionDenied, "POLICY_BEACON: plan shoppers"));
  policy.allowed_plan_sha256 = {facts.plan_sha256};
  EXPECT_OK(CheckPolicy(policy, facts));
}

struct BadPolicy {
  const char* toml;
  const char* complaint;
};
class ParsePolicyRefuses : public testing::TestWithParam<BadPolicy> {};
TEST_P(ParsePolicyRefuses, NamingPlaceAndKey) {
  EXPECT_THAT(ParsePolicy(GetParam().toml, "p.toml"),
              StatusIs(StatusCode::kInvalidArgument, GetParam().complaint));
}
INSTANTIATE_TEST_SUITE_P(
    Files, ParsePolicyRefuses,
    testing::Values(
        BadPolicy{"epsilon_cap = 1\ndelta_cap = 1e-5\nepsilon_max = 2", "p.toml:3: epsilon_max"},
        BadPolicy{"delta_cap = 1e-5", "epsilon_cap is missing"},
        BadPolicy{"epsilon_cap = 1", "delta_cap is missing"},
        BadPolicy{"epsilon_cap = \"1\"\ndelta_cap = 1e-5", "p.toml:1: epsilon_cap"},
        BadPolicy{"epsilon_cap = 1\ndelta_cap = 1e-5\nblock_epsilon = 2", "together"},
        BadPolicy{"epsilon_cap = 1\ndelta_cap = 1e-5\nblock_epsilon = 2\nblock_delta = 1",
                  "block_delta must be below 1"},
        BadPolicy{"epsilon_cap = 1\ndelta_cap = 1e-5\nblock_order = 8", "block_order must be"},
        BadPolicy{"epsilon_cap = 1\ndelta_cap = 1e-5\nblock_epsilon = 2\nblock_delta = "
                  "1e-5\nblock_order = 1025",
                  "block_order must be 2 to 1024"},
        BadPolicy{"epsilon_cap = inf\ndelta_cap = 1e-5", "epsilon_cap"},
        BadPolicy{"epsilon_cap = -1\ndelta_cap = 1e-5", "epsilon_cap"},
        BadPolicy{"epsilon_cap = 1\ndelta_cap = 1", "below 1"},
        BadPolicy{"epsilon_cap = ", "p.toml:1"}, BadPolicy{"allow_no_privacy = 1", "true or false"},
        BadPolicy{"allow_no_privacy = true\nminimum_customers = 1.5", "whole number"},
        BadPolicy{"allow_no_privacy = true\nallowed_plans = \"x\"", "list of strings"},
        BadPolicy{"allow_no_privacy = true\nallowed_plan_sha256 = [\"AB\"]", "64 lower-case"}));

}  // namespace
}  // namespace veilsum::client
