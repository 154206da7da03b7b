// The one-sum promise against a coordinator that tries everything at once (SA-02 to SA-30).
#include "tests/attack/hostile_scheduler.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/attack/learnable.h"

namespace veilsum::attack {
namespace {

// VEILSUM_HOSTILE_RUNS schedules a population instead of a few, from seed VEILSUM_HOSTILE_SEED on.
std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class HostileScheduler : public testing::TestWithParam<Population> {};

TEST_P(HostileScheduler, LearnsAtMostOneCertifiedSumASlot) {
  HostileCounts counts;
  const std::uint64_t seed = FromEnvironment("VEILSUM_HOSTILE_SEED", 1);
  const std::uint64_t runs = FromEnvironment("VEILSUM_HOSTILE_RUNS", 30);
  for (std::uint64_t i = 0; i < runs; ++i) {
    const HostileCounts one = RunHostileSchedule(GetParam(), seed + i);
    EXPECT_EQ(one.Violations(), 0u) << "seed " << seed + i << ": " << one.ToString();
    counts.Add(one);
  }
  std::printf("n = %zu, C = %d: %s\n", GetParam().members, GetParam().colluders,
              counts.ToString().c_str());
  if (runs >= 30) {
    EXPECT_GT(counts.with_a_sum, runs / 20) << "the attacker gets nowhere: it proves little";
    EXPECT_GT(counts.refusals, runs) << "the attacker hardly lies";
  }
}
INSTANTIATE_TEST_SUITE_P(Populations, HostileScheduler,
                         testing::Values(Population{4, 1}, Population{5, 1}, Population{5, 2},
                                         Population{6, 1}, Population{6, 2}),
                         [](const auto& p) {
                           return "n" + std::to_string(p.param.members) + "C" +
                                  std::to_string(p.param.colluders);
                         });

// The algebra itself: three vectors with cyclic pair masks; without self masks only the whole sum
// is free, with one pair known a part of it is, and a lone vector when nothing hides it.
TEST(LearnableSpace, FindsWholeSumsPartsAndLoners) {
  const auto ring = [](LearnableSpace& space, bool with_last) {
    space.AddMask(0, "01", -1);
    space.AddMask(1, "01", 1);
    space.AddMask(1, "12", -1);
    space.AddMask(2, "12", 1);
    if (with_last) {
      space.AddMask(0, "02", -1);
      space.AddMask(2, "02", 1);
    }
  };
  LearnableSpace whole(3);
  ring(whole, true);
  whole.Solve();
  EXPECT_EQ(whole.dimension(), 1u);
  EXPECT_EQ(whole.Isolated(), 0u);
  EXPECT_TRUE(whole.HasMoreThanAllowed());
  EXPECT_FALSE(whole.Allow({true, true, false}));
  EXPECT_TRUE(whole.Allow({true, true, true}));
  EXPECT_FALSE(whole.HasMoreThanAllowed());

  LearnableSpace hidden(3);
  ring(hidden, true);
  hidden.AddMask(2, "self", 1);
  hidden.Solve();
  EXPECT_EQ(hidden.dimension(), 0u);

  LearnableSpace loner(4);
  ring(loner, false);
  loner.Solve();
  EXPECT_EQ(loner.dimension(), 2u);
  EXPECT_EQ(loner.Isolated(), 1u);
}

}  // namespace
}  // namespace veilsum::attack
