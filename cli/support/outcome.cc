#include "cli/support/outcome.h"

#include <cstdio>

namespace veilsum::cli {

int Finish(const Outcome& outcome) {
  if (!outcome.status.ok() && !outcome.status.message().empty())
    std::fprintf(stderr, "veilsum: %s\n", std::string(outcome.status.message()).c_str());
  return static_cast<int>(outcome.exit_code);
}

}  // namespace veilsum::cli
