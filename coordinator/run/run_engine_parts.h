// What a run engine is made of, and what each of its runs has in common with the others.
#pragma once

#include <functional>

#include "base/clock.h"
#include "coordinator/run/run_machine.h"

namespace veilsum::coordinator {

// Pointers must outlive the engine.
struct RunEngineParts {
  FederationFacts federation;
  RunStore* store = nullptr;
  const secure_agg::SeatVerifier* verifier = nullptr;
  SecureRng* rng = nullptr;
  const Clock* clock = nullptr;
  const ReleaseShelf* releases = nullptr;  // that plans may start from; null: none
  RunMachineTiming timing;
  Clock::Duration store_pause =
      std::chrono::seconds(1);  // the first, before a store is tried again
  std::size_t max_runs = 4;     // that are not over, at a time
  std::function<void(std::string_view)> log;
  std::function<void(const RoundFigures&)> round_ended;  // on the loop; may be empty
  std::function<void(const SetupFigures&)> setup_ended;  // as round_ended
};

}  // namespace veilsum::coordinator
