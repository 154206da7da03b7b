// Whatever the network, the members and the machines do: a sum is exact or absent.
#include "tests/sim/simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace veilsum::sim {
namespace {

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void ExpectExactOrAbsent(const SimulationCounts& counts) {
  std::printf("%s\n", counts.ToString().c_str());
  EXPECT_EQ(counts.wrong, 0u);
  EXPECT_EQ(counts.alarms, 0u);
  EXPECT_EQ(counts.published + counts.unpublished, counts.rounds);
}

// VEILSUM_SIM_ROUNDS in place of a few, from seed VEILSUM_SIM_SEED.
TEST(Simulation, FaultsNeverGiveAWrongSum) {
  SimulationOptions options;
  options.rounds = FromEnvironment("VEILSUM_SIM_ROUNDS", 150);
  options.seed = FromEnvironment("VEILSUM_SIM_SEED", 1);
  const SimulationCounts counts = Simulate(options);
  ExpectExactOrAbsent(counts);
  EXPECT_GE(counts.rounds, options.rounds);
  EXPECT_GT(counts.published, counts.rounds / 4);
}
TEST(Simulation, LiarsNeverGiveAWrongSum) {
  SimulationOptions options;
  options.rounds = FromEnvironment("VEILSUM_SIM_ROUNDS", 75);
  options.seed = FromEnvironment("VEILSUM_SIM_SEED", 2);
  options.faults.liars = 2;
  const SimulationCounts counts = Simulate(options);
  ExpectExactOrAbsent(counts);
  EXPECT_GT(counts.lies, 0u);
  EXPECT_GT(counts.published, counts.rounds / 10);
}
TEST(Simulation, WithoutFaultsEveryRoundHasItsSum) {
  SimulationOptions options;
  options.members = 5;
  options.rounds = 20;
  options.faults = {0, 0, 0, 0, 0, 0, 0, 0};
  const SimulationCounts counts = Simulate(options);
  ExpectExactOrAbsent(counts);
  EXPECT_EQ(counts.published, counts.rounds);
  EXPECT_EQ(counts.refusals, 0u);
}
TEST(Simulation, TheSameSeedGivesTheSameRun) {
  SimulationOptions options;
  options.members = 4;
  options.rounds = 10;
  EXPECT_EQ(Simulate(options).ToString(), Simulate(options).ToString());
}

}  // namespace
}  // namespace veilsum::sim
