// Which places of a padded step its customers take.
#pragma once

#include <cstdint>
#include <vector>

#include "base/secure_rng.h"

namespace veilsum::client {

// `count` different places below `padded`, uniform without replacement and independent of who the
// customers are: one customer more leaves the others theirs (DP-02). The whole permutation is
// drawn, whatever the count: work has a public shape (DP-06). count must not exceed padded.
std::vector<std::uint32_t> RandomSlots(std::size_t count, std::uint32_t padded, SecureRng& rng);

}  // namespace veilsum::client
