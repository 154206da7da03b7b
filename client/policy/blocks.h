// Names of a merchant's blocks of data, by data epoch (SE-32).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilsum::client {

std::string TrainingBlock(std::uint64_t epoch);
std::string HoldoutBlock(std::uint64_t epoch);
// The data epoch of a block with one of these names; none: it has another one.
std::optional<std::uint64_t> EpochOfBlock(std::string_view block);

}  // namespace veilsum::client
