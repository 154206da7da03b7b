// The whole client mask and server unmask, through the real client and server classes, against the
// sum of their kernels.
#pragma once

#include <cstddef>

#include "tests/bench/timing.h"

namespace veilsum::bench {

// One federation of `members` with a sum of `dim` words of 32 bits; a round each with 0, 10 and
// 30 % of the members gone before their upload. Prints, for PERCENT in those, the ratios
//   secagg/client_mask_vs_kernel/MEMBERS/DIM/PERCENT
//   secagg/server_unmask_vs_kernel/MEMBERS/DIM/PERCENT
// and secagg/client_mask_s/..., secagg/server_unmask_s/..., in CPU seconds of one thread. Every
// sum is checked. Needs members * dim * 4 bytes: clients keep their uploads for retries.
void RunSecaggRound(const Names& names, std::size_t members, std::size_t dim);

}  // namespace veilsum::bench
