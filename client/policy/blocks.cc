#include "client/policy/blocks.h"

#include "absl/strings/str_format.h"

namespace veilsum::client {

std::string TrainingBlock(std::uint64_t epoch) {
  return absl::StrFormat("epoch-%d/training", epoch);
}
std::string HoldoutBlock(std::uint64_t epoch) { return absl::StrFormat("epoch-%d/holdout", epoch); }

}  // namespace veilsum::client
