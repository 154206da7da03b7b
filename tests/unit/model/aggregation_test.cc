#include "model/plan/aggregation.h"

#include "tests/support/status_matchers.h"

namespace veilsum::model {
namespace {

struct Default {
  std::uint32_t n, tenant, colluders, quorum, min_survivors;
};

TEST(ResolveAggregation, HasTheDefaultsOfSe04) {
  for (const Default& d : {Default{3, 1, 1, 3, 3},
                           {4, 1, 1, 3, 3},
                           {5, 1, 1, 4, 4},
                           {9, 1, 1, 6, 8},
                           {14, 1, 2, 9, 13},
                           {15, 1, 3, 10, 14},
                           {20, 1, 4, 13, 18},
                           {100, 1, 20, 61, 90},
                           {9, 3, 3, 7, 8}}) {
    ASSERT_OK_AND_ASSIGN(const ResolvedAggregation r, ResolveAggregation({}, d.n, d.tenant));
    EXPECT_EQ(r.colluders, d.colluders) << d.n;
    EXPECT_EQ(r.quorum, d.quorum) << d.n;
    EXPECT_EQ(r.min_survivors, d.min_survivors) << d.n;
    EXPECT_GE(r.honest_floor(), 2u) << d.n;
    EXPECT_EQ(r.small(), d.n < 5) << d.n;
  }
}

TEST(ResolveAggregation, TakesThePlansNumbers) {
  Aggregation plan;
  plan.colluders = 2;
  plan.min_survivors = 6;
  ASSERT_OK_AND_ASSIGN(const ResolvedAggregation r, ResolveAggregation(plan, 9, 1));
  EXPECT_EQ(r.quorum, 6u);
  EXPECT_EQ(r.honest_floor(), 4u);
}

TEST(ResolveAggregation, RefusesWhatProtectsNobody) {
  const auto refuses = [](std::uint32_t c, std::uint32_t u, std::uint32_t n, std::uint32_t tenant,
                          const char* why) {
    Aggregation plan;
    plan.colluders = c;
    plan.min_survivors = u;
    EXPECT_THAT(ResolveAggregation(plan, n, tenant),
                StatusIs(absl::StatusCode::kFailedPrecondition, why))
        << why;
  };
  refuses(0, 0, 2, 1, "has 2 members, must have at least 3");
  refuses(0, 0, 256, 1, "at most 255");
  refuses(1, 0, 9, 2, "colluders is 1, must be at least 2, the seats of the largest tenant");
  refuses(8, 0, 9, 1, "colluders is 8, must be at most 7");
  refuses(0, 0, 3, 2, "colluders is 2, must be at most 1");
  refuses(1, 5, 9, 1, "min_survivors is 5, must be 6 to 9");
  refuses(1, 10, 9, 1, "min_survivors is 10, must be 6 to 9");
}

}  // namespace
}  // namespace veilsum::model
