#include "base/status.h"

#include <cstdio>
#include <cstdlib>

namespace veilsum {

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "veilsum: internal error: %s does not hold at %s:%d\n", condition, file,
               line);
  std::abort();
}

}  // namespace veilsum
