#include "client/policy/blocks.h"

#include <charconv>

#include "absl/strings/str_format.h"

namespace veilsum::client {

std::string TrainingBlock(std::uint64_t epoch) {
  return absl::StrFormat("epoch-%d/training", epoch);
}
std::string HoldoutBlock(std::uint64_t epoch) { return absl::StrFormat("epoch-%d/holdout", epoch); }

std::optional<std::uint64_t> EpochOfBlock(std::string_view block) {
  constexpr std::string_view kPrefix = "epoch-";
  if (!block.starts_with(kPrefix)) return std::nullopt;
  std::uint64_t epoch = 0;
  std::from_chars(block.data() + kPrefix.size(), block.data() + block.size(), epoch);
  if (block != TrainingBlock(epoch) && block != HoldoutBlock(epoch)) return std::nullopt;
  return epoch;
}

}  // namespace veilsum::client
