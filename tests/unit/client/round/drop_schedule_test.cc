// The demo's drop-outs: public, seeded, and the fraction on average.
#include "client/round/drop_schedule.h"

#include <map>
#include <vector>

#include "tests/support/status_matchers.h"

namespace veilsum::client {
namespace {

std::vector<DropSchedule> Schedules(std::uint64_t numerator, std::uint64_t denominator,
                                    std::uint64_t seed, std::uint32_t seats) {
  std::vector<DropSchedule> all;
  for (std::uint32_t seat = 0; seat < seats; ++seat)
    all.push_back(
        DropSchedule::Create(Rational::Create(numerator, denominator).value(), seed, seat, seats)
            .value());
  return all;
}

int DroppedIn(const std::vector<DropSchedule>& all, std::uint64_t round) {
  int dropped = 0;
  for (const DropSchedule& one : all) dropped += one.At(round).has_value();
  return dropped;
}

TEST(DropSchedule, DropsTheFractionOnAverageAndNeverMoreThanOneAboveIt) {
  const std::vector<DropSchedule> all = Schedules(1, 5, 3, 7);  // 1.4 a round
  int total = 0;
  for (std::uint64_t round = 1; round <= 2000; ++round) {
    const int dropped = DroppedIn(all, round);
    ASSERT_GE(dropped, 1);
    ASSERT_LE(dropped, 2);
    total += dropped;
  }
  EXPECT_NEAR(total / 2000.0, 1.4, 0.055);  // five deviations of the mean
}

TEST(DropSchedule, AWholeNumberIsMetInEveryRound) {
  const std::vector<DropSchedule> half = Schedules(1, 2, 9, 4), none = Schedules(0, 1, 9, 4);
  for (std::uint64_t round = 1; round <= 200; ++round) {
    EXPECT_EQ(DroppedIn(half, round), 2);
    EXPECT_EQ(DroppedIn(none, round), 0);
  }
}

TEST(DropSchedule, EverySeatAndEveryPhaseHasItsTurn) {
  const std::vector<DropSchedule> all = Schedules(1, 5, 1, 5);
  std::map<DropPhase, int> phases;
  std::map<std::size_t, int> seats;
  for (std::uint64_t round = 1; round <= 1500; ++round)
    for (std::size_t seat = 0; seat < all.size(); ++seat)
      if (const auto phase = all[seat].At(round)) ++phases[*phase], ++seats[seat];
  for (const auto& [phase, count] : phases) EXPECT_NEAR(count, 500, 100);
  EXPECT_EQ(phases.size(), 3u);
  for (const auto& [seat, count] : seats) EXPECT_NEAR(count, 300, 80);
  EXPECT_EQ(seats.size(), 5u);
}

TEST(DropSchedule, IsAFunctionOfSeedRoundAndSeat) {
  const std::vector<DropSchedule> one = Schedules(1, 5, 1, 9), again = Schedules(1, 5, 1, 9),
                                  other = Schedules(1, 5, 2, 9);
  int different = 0;
  for (std::uint64_t round = 1; round <= 100; ++round)
    for (std::size_t seat = 0; seat < 9; ++seat) {
      EXPECT_EQ(one[seat].At(round), again[seat].At(round));
      different += one[seat].At(round) != other[seat].At(round);
    }
  EXPECT_GT(different, 100);
}

TEST(DropSchedule, RefusesWhatCannotSurvive) {
  const auto create = [](std::uint64_t n, std::uint64_t d, std::uint32_t seat) {
    return DropSchedule::Create(Rational::Create(n, d).value(), 1, seat, 5);
  };
  EXPECT_OK(create(1, 2, 4));
  EXPECT_THAT(create(51, 100, 0), StatusIs(absl::StatusCode::kInvalidArgument, "51/100"));
  EXPECT_THAT(create(1, 5, 5), StatusIs(absl::StatusCode::kInvalidArgument, "seat is 5"));
}

}  // namespace
}  // namespace veilsum::client
