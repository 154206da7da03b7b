// Uploads leave at a public tick (DP-06): a multiple of the plan's tick after the round's start was
// received, so that the moment of sending tells only how many ticks the fixed-shape work took,
// never what was in it.
#pragma once

#include "base/clock.h"

namespace veilsum::client {

// The first tick at or after `now`, counted from `start`. Needs tick > 0 and now >= start.
Clock::Time NextTick(Clock::Time start, Clock::Duration tick, Clock::Time now);

// Waiting, as a parameter: tests do not sleep.
class Waiter {
 public:
  virtual ~Waiter() = default;
  virtual Clock::Time Now() = 0;
  virtual void WaitUntil(Clock::Time time) = 0;
};

class RealWaiter final : public Waiter {
 public:
  Clock::Time Now() override;
  void WaitUntil(Clock::Time time) override;
};

}  // namespace veilsum::client
