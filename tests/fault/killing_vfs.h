// A SQLite VFS that kills its own process at the n-th write or sync: a crash at a point of our
// choice.
#pragma once

namespace veilsum {

inline constexpr const char* kKillingVfs = "veilsum_killing";

// Registers the VFS over the default one; again: counts from the start. Without `shared_memory`
// files have none, as for a store that opens exclusively and must not need it. The process dies by
// SIGKILL just before write or sync number `fatal` (from 1); 0: never, but count.
void RegisterKillingVfs(long fatal, bool shared_memory = false);
long WritesAndSyncsSoFar();

}  // namespace veilsum
