// What every program of ours does first.
#pragma once

namespace veilsum {

// Crypto self-tests (secure_rng.h); large vectors are kept for re-use instead of being mapped anew
// each round; the deadlock detector of absl::Mutex, which Debian's build has switched on inside
// gRPC, is off.
void InitialiseProcess();

}  // namespace veilsum
