#include "cli/demo/process/peak_memory.h"

#include <fstream>
#include <string>

namespace veilsum::cli {

std::optional<std::uint64_t> PeakMemoryOf(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    std::uint64_t kibibytes = 0;
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return std::nullopt;
}

}  // namespace veilsum::cli
