// DP-06: uploads leave at multiples of the tick after the start, never before and never at another
// moment.
#include "client/round/public_tick.h"

#include <gtest/gtest.h>

namespace veilsum::client {
namespace {

using namespace std::chrono_literals;
constexpr Clock::Time kStart{Clock::Duration(7s)};

TEST(DP06_PublicTick, IsTheFirstMultipleAtOrAfterNow) {
  EXPECT_EQ(NextTick(kStart, 20ms, kStart), kStart);
  EXPECT_EQ(NextTick(kStart, 20ms, kStart + 1ns), kStart + 20ms);
  EXPECT_EQ(NextTick(kStart, 20ms, kStart + 20ms - 1ns), kStart + 20ms);
  EXPECT_EQ(NextTick(kStart, 20ms, kStart + 20ms), kStart + 20ms);
  EXPECT_EQ(NextTick(kStart, 20ms, kStart + 20ms + 1ns), kStart + 40ms);
  EXPECT_EQ(NextTick(kStart, 1ns, kStart + 12345ns), kStart + 12345ns);
  EXPECT_EQ(NextTick(kStart, 60s, kStart + 100h), kStart + 100h);
}

TEST(DP06_PublicTick, WorkOfAnyLengthWithinATickLooksTheSame) {
  for (int work = 1; work <= 20; ++work)
    EXPECT_EQ(NextTick(kStart, 20ms, kStart + std::chrono::milliseconds(work)), kStart + 20ms);
}

TEST(PublicTick, TheRealWaiterDoesNotReturnEarly) {
  RealWaiter waiter;
  const Clock::Time until = waiter.Now() + 3ms;
  waiter.WaitUntil(until);
  EXPECT_GE(waiter.Now(), until);
  waiter.WaitUntil(until - 1s);  // the past: at once
}

}  // namespace
}  // namespace veilsum::client
