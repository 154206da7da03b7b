// Finding the plan's columns among a table's.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace veilsum::client {

// The place of `column`. InvalidArgument "name:1: ...": it is missing, or there twice.
absl::StatusOr<std::size_t> FindColumn(const std::vector<std::string>& header,
                                       const std::string& column, const std::string& name);

}  // namespace veilsum::client
