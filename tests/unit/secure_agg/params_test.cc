// The contract's terms and the thresholds that follow (SA-02, SA-03, SA-44).
#include "secure_agg/params.h"

#include "tests/support/status_matchers.h"

namespace veilsum::secure_agg {
namespace {

ContractTerms Terms(std::size_t members, std::uint16_t colluders = 1) {
  ContractTerms terms;
  for (std::size_t i = 0; i < members; ++i)
    terms.members.push_back("spiffe://d/tenant/t" + std::to_string(i) + "/client/c");
  terms.colluders = colluders;
  terms.sums = {{RingBits::k32, 10}};
  return terms;
}

// The table of the protocol: n, C, q.
TEST(Thresholds, FollowTheTable) {
  const struct {
    std::size_t n;
    std::uint16_t c;
    int q;
  } rows[] = {{3, 1, 3},   {4, 1, 3},    {5, 1, 4},     {8, 1, 5},     {16, 3, 10},
              {32, 6, 20}, {64, 12, 39}, {100, 20, 61}, {255, 51, 154}};
  for (const auto& row : rows) {
    ASSERT_OK_AND_ASSIGN(const SessionParams params, SessionParams::Create(Terms(row.n, row.c)));
    ASSERT_OK_AND_ASSIGN(const Thresholds thresholds, Thresholds::Create(row.n, params));
    EXPECT_EQ(thresholds.quorum, row.q) << row.n;
    EXPECT_EQ(thresholds.shares, row.q) << row.n;
    EXPECT_GT(thresholds.shares, row.c);
    EXPECT_GE(2 * thresholds.quorum - static_cast<int>(row.n), row.c + 1);
  }
}

TEST(Thresholds, SA03_RefusesRostersThatAreTooSmall) {
  ASSERT_OK_AND_ASSIGN(const SessionParams params, SessionParams::Create(Terms(9, 2)));
  EXPECT_THAT(Thresholds::Create(3, params), StatusIs(absl::StatusCode::kInvalidArgument, "SA-03"));
  EXPECT_OK(Thresholds::Create(4, params));
  ContractTerms terms = Terms(9, 2);
  terms.min_members = 6;
  terms.min_survivors = 7;
  ASSERT_OK_AND_ASSIGN(const SessionParams stricter, SessionParams::Create(terms));
  EXPECT_THAT(Thresholds::Create(5, stricter),
              StatusIs(absl::StatusCode::kInvalidArgument, "SA-03"));
  EXPECT_THAT(Thresholds::Create(6, stricter),
              StatusIs(absl::StatusCode::kInvalidArgument, "SA-03"));  // U_min > n
  ASSERT_OK_AND_ASSIGN(const Thresholds seven, Thresholds::Create(7, stricter));
  EXPECT_EQ(seven.floor, 7);
}

TEST(Thresholds, SA44_RefusesMoreThan255Members) {
  ASSERT_OK_AND_ASSIGN(const SessionParams params, SessionParams::Create(Terms(256)));
  EXPECT_THAT(Thresholds::Create(256, params),
              StatusIs(absl::StatusCode::kInvalidArgument, "SA-44"));
}

struct BadTerm {
  const char* name;
  void (*apply)(ContractTerms&);
  const char* complaint;
};
class SessionParamsRefuses : public testing::TestWithParam<BadTerm> {};
TEST_P(SessionParamsRefuses, NamingTheTerm) {
  ContractTerms changed = Terms(4);
  GetParam().apply(changed);
  EXPECT_THAT(SessionParams::Create(changed),
              StatusIs(absl::StatusCode::kInvalidArgument, GetParam().complaint));
}
INSTANTIATE_TEST_SUITE_P(
    Terms, SessionParamsRefuses,
    testing::Values(
        BadTerm{"NoColluder", [](ContractTerms& terms) { terms.colluders = 0; }, "colluders"},
        BadTerm{"NoSlot", [](ContractTerms& terms) { terms.slots = 0; }, "slots"},
        BadTerm{"TooManySlots", [](ContractTerms& terms) { terms.slots = 65; }, "slots"},
        BadTerm{"NoSum", [](ContractTerms& terms) { terms.sums.clear(); }, "sums"},
        BadTerm{"EmptySum", [](ContractTerms& terms) { terms.sums[0].dim = 0; }, "dim"},
        BadTerm{"SumAboveTheStream",
                [](ContractTerms& terms) { terms.sums[0].dim = (std::uint64_t{1} << 34) + 1; },
                "SA-40"},
        BadTerm{"LowMinMembers", [](ContractTerms& terms) { terms.min_members = 2; },
                "min_members"},
        BadTerm{"FewMembers", [](ContractTerms& terms) { terms.members.resize(2); }, "members"},
        BadTerm{"ManySurvivors", [](ContractTerms& terms) { terms.min_survivors = 5; },
                "min_survivors"},
        BadTerm{"SeatTwice", [](ContractTerms& terms) { terms.members[1] = terms.members[0]; },
                "listed twice"},
        BadTerm{
            "SeatInTwoDomains",
            [](ContractTerms& terms) { terms.members[1] = "spiffe://other/tenant/t0/client/c"; },
            "listed twice"},
        BadTerm{"NotASeat",
                [](ContractTerms& terms) { terms.members[1] = "spiffe://d/operator/o"; }, "spiffe"},
        BadTerm{"SeatWithMore",
                [](ContractTerms& terms) { terms.members[1] = "spiffe://d/tenant/t/client/c/x"; },
                "spiffe"},
        BadTerm{"SeatWithSlash",
                [](ContractTerms& terms) { terms.members[1] = "spiffe://d/tenant/t/client/c/"; },
                "spiffe"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace veilsum::secure_agg
