// Names of a merchant's blocks of data, by data epoch (SE-32).
#pragma once

#include <cstdint>
#include <string>

namespace veilsum::client {

std::string TrainingBlock(std::uint64_t epoch);
std::string HoldoutBlock(std::uint64_t epoch);

}  // namespace veilsum::client
