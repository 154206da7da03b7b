// Customers who objected (SE-30): their rows count from the next run on, never from the middle of
// one, so that every round of a run is of the data that its first one was. What was released stays
// accounted: no odometer is told.
#pragma once

#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace veilsum::client {

using CustomerIds = std::set<std::string>;

// A list of customers' ids, one a line as the data have them; blank lines count for nothing.
// NotFound: there is no such file. InvalidArgument: more than 256 MiB, or an id of more than 1024
// bytes.
absl::StatusOr<CustomerIds> ReadObjections(const std::filesystem::path& file);

// Which of `customers` may be in the run of this contract. The first call for a contract fixes the
// list, durably, in `store`: later ones, after a restart, answer by the list of then, whatever
// `listed` is by now. Kept are keyed hashes of the ids, of the last contract alone. Unavailable:
// another process has the store open. DataLoss: it is corrupt.
absl::StatusOr<std::vector<bool>> WithoutObjections(const std::filesystem::path& store,
                                                    const Hash32& contract,
                                                    const CustomerIds& listed,
                                                    std::span<const std::string> customers);

}  // namespace veilsum::client
