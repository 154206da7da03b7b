// The most memory a process has held: VmHWM of /proc/<pid>/status (proc(5)).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace veilsum::cli {

// In bytes; none when the process is gone.
std::optional<std::uint64_t> PeakMemoryOf(pid_t pid);

}  // namespace veilsum::cli
