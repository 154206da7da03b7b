// How many different names a release needs to become stable on a rollout, or to be revoked.
#pragma once

#include <cstddef>

namespace veilsum::ledger {

inline constexpr std::size_t kApprovalsNeeded = 2;

}  // namespace veilsum::ledger
