// The secure sum's kernels against the best known other form of each.
#pragma once

#include "tests/bench/timing.h"

namespace veilsum::bench {

void RunSecaggKernels(const Names& names);

}  // namespace veilsum::bench
