#include "model/contract/cohorts.h"

#include <algorithm>
#include <set>

#include "model/contract/privacy_terms.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/example_plan.h"
#include "tests/unit/model/small_plan.h"

namespace veilsum::model {
namespace {

using absl::StatusCode;

// What a coordinator would write for `members` merchants of 16 customers.
RunContract ContractFor(const Plan& plan, const std::vector<std::string>& members) {
  RunContract contract;
  contract.run_id = "run-1";
  contract.federation = "fed.test";
  contract.is_private = plan.is_private();
  const auto cohorts = AssignCohorts(plan, members).value();
  for (const std::vector<std::string>& assigned : cohorts) {
    const ResolvedAggregation aggregation =
        ResolveCohort(plan, plan.aggregation, members, assigned).value();
    contract.cohorts.push_back({assigned, std::vector<std::uint64_t>(assigned.size(), 16),
                                aggregation.colluders, aggregation.min_survivors});
  }
  contract.sums = SumsOf(plan, CalibrateCohorts(plan, contract).value());
  return contract;
}

Plan CohortPlan(int count, bool beacon = false, std::size_t members = 0) {
  SmallPlan small;
  small.cohorts = count;
  small.statistics = false;
  if (beacon) {
    small.beacon = "drawn after the list";
    small.members_sha256 = HexEncode(MembersSha256(SmallSeats(members)));
  }
  return MakeSmallPlan(small);
}

TEST(CohortsOfAPlan, AreReadAndAreNotThereByDefault) {
  EXPECT_FALSE(MakeSmallPlan().cohorts.has_value());
  EXPECT_EQ(PlanToJson(MakeSmallPlan()).find("cohorts"), std::string::npos)
      << "plans without the section keep their bytes";
  const Plan plan = CohortPlan(4, true, 20);
  ASSERT_TRUE(plan.cohorts.has_value());
  EXPECT_EQ(plan.cohorts->count, 4u);
  EXPECT_EQ(plan.cohorts->beacon, "drawn after the list");
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanToJson(again), PlanToJson(plan));
  EXPECT_NE(PlanToJson(plan), PlanToJson(CohortPlan(4)));
}

TEST(CohortsOfAPlan, AreRefusedNamingTheField) {
  const auto refused = [](const std::string& section, const char* why) {
    EXPECT_THAT(ParsePlanToml(SmallPlanToml({}) + section, "p.toml"),
                StatusIs(StatusCode::kInvalidArgument, why))
        << section;
  };
  refused("[cohorts]\ncount = 1\n", "cohorts.count");
  refused("[cohorts]\ncount = 65\n", "cohorts.count");
  refused("[cohorts]\n", "cohorts.count");
  refused("[cohorts]\ncount = 2\nbeacon = \"x\"\n", "cohorts.beacon and members_sha256");
  refused("[cohorts]\ncount = 2\nbeacon = \"x\"\nmembers_sha256 = \"12\"\n",
          "cohorts.members_sha256 must be 64");
  refused("[cohorts]\ncount = 2\nseed = 1\n", "seed");
}

TEST(AssignCohorts, SplitsEvenlyAndCompletely) {
  const std::vector<std::string> members = SmallSeats(23);
  ASSERT_OK_AND_ASSIGN(const auto cohorts, AssignCohorts(CohortPlan(4), members));
  ASSERT_EQ(cohorts.size(), 4u);
  std::set<std::string> all;
  for (const std::vector<std::string>& cohort : cohorts) {
    EXPECT_TRUE(cohort.size() == 5 || cohort.size() == 6) << cohort.size();
    EXPECT_TRUE(std::ranges::is_sorted(cohort));
    all.insert(cohort.begin(), cohort.end());
  }
  EXPECT_EQ(all.size(), 23u);
}

TEST(AssignCohorts, FollowsFromThePlanAndTheListAlone) {
  std::vector<std::string> members = SmallSeats(40);
  const auto cohorts = AssignCohorts(CohortPlan(2), members).value();
  std::ranges::reverse(members);
  EXPECT_EQ(AssignCohorts(CohortPlan(2), members).value(), cohorts);
  const auto drawn = AssignCohorts(CohortPlan(2, true, 40), members).value();
  EXPECT_NE(drawn, cohorts) << "the beacon shuffles";
  ASSERT_OK_AND_ASSIGN(const auto one, AssignCohorts(MakeSmallPlan(), members));
  ASSERT_EQ(one.size(), 1u);
  std::ranges::sort(members);
  EXPECT_EQ(one[0], members);
}

// The bytes are part of the format: another implementation must come to the same cohorts.
TEST(AssignCohorts, IsPinned) {
  const auto cohorts = AssignCohorts(CohortPlan(2, true, 6), SmallSeats(6)).value();
  EXPECT_EQ(HexEncode(MembersSha256(SmallSeats(6))).substr(0, 16), "187f4e82ba538706");
  EXPECT_EQ(cohorts[0], (std::vector<std::string>{SmallSeat(0), SmallSeat(1), SmallSeat(3)}));
}

TEST(AssignCohorts, SA45_ABeaconGoesWithTheListThatWasFixedBeforeIt) {
  const Plan plan = CohortPlan(2, true, 20);
  ASSERT_OK(AssignCohorts(plan, SmallSeats(20)));
  EXPECT_THAT(AssignCohorts(plan, SmallSeats(21)),
              StatusIs(StatusCode::kFailedPrecondition, "SA-45: cohorts.members_sha256"));
}

// The figures of the design's table: N members of whom a fifth are corrupt.
TEST(CorruptInCohort, IsTheTailOfTheDesign) {
  const auto of = [](std::uint32_t members, std::uint32_t cohorts) {
    return CorruptInCohort(members, members / 5, members / cohorts, cohorts);
  };
  EXPECT_EQ(of(300, 2), 53u);
  EXPECT_EQ(of(500, 2), 81u);
  EXPECT_EQ(of(1000, 4), 91u);
  EXPECT_EQ(of(1000, 5), 79u);
  EXPECT_EQ(of(1000, 10), 51u);
}

TEST(CorruptInCohort, NeverLeavesThePossible) {
  EXPECT_EQ(CorruptInCohort(10, 3, 5, 2), 3u) << "three may well meet";
  EXPECT_EQ(CorruptInCohort(10, 0, 5, 2), 0u);
  EXPECT_EQ(CorruptInCohort(10, 10, 5, 2), 5u);
  EXPECT_EQ(CorruptInCohort(10, 4, 10, 1), 4u) << "one cohort holds all";
}

TEST(ResolveCohort, WithoutABeaconCIsThatOfTheFederation) {
  const Plan plan = CohortPlan(4);
  const std::vector<std::string> all = SmallSeats(1000);
  const auto cohorts = AssignCohorts(plan, all).value();
  ASSERT_OK_AND_ASSIGN(const ResolvedAggregation r,
                       ResolveCohort(plan, plan.aggregation, all, cohorts[0]));
  EXPECT_EQ(r.members, 250u);
  EXPECT_EQ(r.colluders, 200u);
  EXPECT_EQ(r.quorum, 226u);
  EXPECT_EQ(r.min_survivors, 226u);
}

TEST(ResolveCohort, WithABeaconCIsTheTail) {
  const Plan plan = CohortPlan(4, true, 1000);
  const std::vector<std::string> all = SmallSeats(1000);
  const auto cohorts = AssignCohorts(plan, all).value();
  ASSERT_OK_AND_ASSIGN(const ResolvedAggregation r,
                       ResolveCohort(plan, plan.aggregation, all, cohorts[3]));
  EXPECT_EQ(r.colluders, 91u);
  EXPECT_EQ(r.quorum, 171u);
  EXPECT_EQ(r.honest_floor(), 225u - 91u);
}

TEST(ResolveCohort, RefusesWhatProtectsNobody) {
  const std::vector<std::string> all = SmallSeats(1000);
  const Plan ten = CohortPlan(10);  // 200 colluders could fill a cohort of 100
  EXPECT_THAT(ResolveCohort(ten, ten.aggregation, all, AssignCohorts(ten, all).value()[0]),
              StatusIs(StatusCode::kFailedPrecondition, "colluders is 200, must be at most 98"));
  const Plan two = CohortPlan(2);
  EXPECT_THAT(ResolveCohort(two, two.aggregation, all, AssignCohorts(two, all).value()[0]),
              StatusIs(StatusCode::kFailedPrecondition, "500 members, must have at most 255"));
  Aggregation wanted = two.aggregation;
  wanted.colluders = 1001;
  EXPECT_THAT(ResolveCohort(two, wanted, all, AssignCohorts(two, all).value()[0]),
              StatusIs(StatusCode::kFailedPrecondition, "colluders is 1001"));
}

// ---- The contract
// --------------------------------------------------------------------------------------

struct Split {
  Plan plan = CohortPlan(3);
  RunContract contract = ContractFor(plan, SmallSeats(17));  // cohorts of 6, 6 and 5
};
const Split& Good() {
  static const Split good;
  return good;
}

TEST(CohortContract, RoundTripsAndKeepsItsClaimInEveryCohort) {
  const auto& [plan, contract] = Good();
  ASSERT_OK_AND_ASSIGN(const std::string json, ContractToJson(contract));
  EXPECT_EQ(ContractFromJson(json).value(), contract);
  ASSERT_OK_AND_ASSIGN(const CheckedPrivacy weakest, CheckPrivacy(plan, contract));
  EXPECT_LE(weakest.statement.epsilon, 8 * (1 + 1e-9));
  EXPECT_GT(weakest.statement.epsilon, 7.5) << "and does not waste it";
  for (std::size_t g = 0; g < 3; ++g) {
    ASSERT_OK_AND_ASSIGN(const CheckedPrivacy own, CheckCohortPrivacy(plan, contract, g));
    EXPECT_LE(own.statement.epsilon, weakest.statement.epsilon);
    EXPECT_EQ(own.input.cohort.members, contract.cohorts[g].members.size());
    const double honest = contract.cohorts[g].min_survivors - contract.cohorts[g].colluders;
    EXPECT_GE(own.noise.training.share_sigma * std::sqrt(honest),
              own.noise.training.noise_sigma * (1 - 1e-12))
        << "the floor holds in cohort " << g;
  }
}

TEST(CohortContract, EachCohortPaysForItself) {
  const double split = std::stod(Good().contract.sums[0].share_sigma);
  SmallPlan small;
  small.statistics = false;
  small.colluders = 3;  // the federation's C, 17 / 5, in all of them
  const Plan one = MakeSmallPlan(small);
  const double whole = std::stod(ContractFor(one, SmallSeats(17)).sums[0].share_sigma);
  EXPECT_GT(split, 2 * whole) << "2 honest shares of a cohort against 13 of the whole";
}

TEST(CohortContract, SA45_AnotherAssignmentIsRefused) {
  const auto refused = [](const std::function<void(RunContract&)>& change, const char* named) {
    RunContract contract = Good().contract;
    change(contract);
    for (Cohort& cohort : contract.cohorts) std::ranges::sort(cohort.members);
    EXPECT_THAT(CheckPrivacy(Good().plan, contract),
                StatusIs(StatusCode::kPermissionDenied, named));
    EXPECT_THAT(CheckCohortPrivacy(Good().plan, contract, 0),
                StatusIs(StatusCode::kPermissionDenied, named));
  };
  refused([](auto& c) { std::swap(c.cohorts[0].members[1], c.cohorts[1].members[1]); },
          "SA-45: contract: cohorts[0].members are not");
  refused([](auto& c) { std::swap(c.cohorts[0], c.cohorts[1]); }, "SA-45: contract: cohorts[0]");
  refused([](auto& c) { c.cohorts.pop_back(); },
          "SA-45: contract: 2 cohorts, must be the plan's 3");
  refused(
      [](auto& c) {  // one member moves
        c.cohorts[1].members.push_back(c.cohorts[0].members.back());
        c.cohorts[0].members.pop_back();
      },
      "SA-45: contract: cohorts[0].members are not");
  RunContract whole = Good().contract;
  EXPECT_THAT(CheckPrivacy(MakeSmallPlan(), whole),
              StatusIs(StatusCode::kPermissionDenied, "SA-45: contract: 3 cohorts, must be the"));
}

TEST(CohortContract, SA02_ThresholdsOfACohortBelowThePlans) {
  for (std::size_t g = 0; g < 3; ++g) {
    RunContract contract = Good().contract;
    --contract.cohorts[g].colluders;
    EXPECT_THAT(CheckCohortPrivacy(Good().plan, contract, (g + 1) % 3),
                StatusIs(StatusCode::kPermissionDenied,
                         absl::StrFormat("SA-02: contract: cohorts[%d].colluders is 2, must be at "
                                         "least 3",
                                         g)));
  }
}

TEST(CohortContract, DP03_LessNoiseIsRefusedByTheCohortThatItDoesNotProtect) {
  RunContract contract = Good().contract;
  SumSpec& sum = contract.sums[0];
  for (std::string* s : {&sum.noise_sigma, &sum.share_sigma, &sum.noise_multiplier})
    *s = Scaled(*s, 0.99);
  EXPECT_THAT(CheckPrivacy(Good().plan, contract), StatusIs(StatusCode::kPermissionDenied, ""));
  // A lower floor in one cohort: its own members refuse, whoever else does not.
  const Plan two = CohortPlan(2);
  contract = ContractFor(two, SmallSeats(40));
  ++contract.cohorts[1].colluders;
  EXPECT_THAT(CheckPrivacy(two, contract), StatusIs(StatusCode::kPermissionDenied, "DP-03"));
  EXPECT_THAT(CheckCohortPrivacy(two, contract, 1),
              StatusIs(StatusCode::kPermissionDenied, "DP-03"));
  EXPECT_OK(CheckCohortPrivacy(two, contract, 0));
}

TEST(CohortContract, SA02_TheDefaultCOfOneCohortIsAFloorAsWell) {
  SmallPlan small;
  small.statistics = false;
  const Plan plan = MakeSmallPlan(small);  // states no C: a fifth of the members
  RunContract contract = ContractFor(plan, SmallSeats(12));
  EXPECT_EQ(contract.cohorts[0].colluders, 2u);
  ASSERT_OK(CheckPrivacy(plan, contract));
  contract.cohorts[0].colluders = 1;
  contract.sums = SumsOf(plan, CalibrateCohorts(plan, contract).value());
  EXPECT_THAT(CheckPrivacy(plan, contract),
              StatusIs(StatusCode::kPermissionDenied,
                       "SA-02: contract: colluders is 1, the plan asks for 2"));
}

TEST(CohortContract, FindsTheCohortOfAMember) {
  const RunContract& contract = Good().contract;
  for (std::size_t g = 0; g < 3; ++g)
    for (const std::string& member : contract.cohorts[g].members)
      EXPECT_EQ(CohortOfMember(contract, member).value(), g);
  EXPECT_THAT(CohortOfMember(contract, "spiffe://x"), StatusIs(StatusCode::kNotFound, "no member"));
}

}  // namespace
}  // namespace veilsum::model
