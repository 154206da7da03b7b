#include "base/process.h"

#include <absl/synchronization/mutex.h>
#include <malloc.h>

#include "base/secure_rng.h"

namespace veilsum {

void InitialiseProcess() {
  constexpr int kKeepBytes = 64 << 20;
  mallopt(M_MMAP_THRESHOLD, kKeepBytes);
  mallopt(M_TRIM_THRESHOLD, kKeepBytes);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  InitialiseCrypto();
}

}  // namespace veilsum
