#include "client/round/public_tick.h"

#include <thread>

namespace veilsum::client {

Clock::Time NextTick(Clock::Time start, Clock::Duration tick, Clock::Time now) {
  const auto ticks = (now - start + tick - Clock::Duration(1)) / tick;
  return start + ticks * tick;
}

Clock::Time RealWaiter::Now() { return SteadyClock().Now(); }
void RealWaiter::WaitUntil(Clock::Time time) { std::this_thread::sleep_until(time); }

}  // namespace veilsum::client
