// Subjects of the coordinator's ledger entries: how an entry is found again.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.h"

namespace veilsum::coordinator {

std::string PolicySubject(const std::string& tenant);  // and of its other statements
std::string RunSubject(const std::string& run_id);
std::string TenantSubject(const std::string& run_id, const std::string& tenant);
std::string BlockSubject(const std::string& run_id, std::uint64_t first);
std::string RoundSubject(const std::string& run_id, std::uint64_t round);

// The blob with the members of the rounds.opened in `leaf`; none: they are in the entry itself, or
// it is another type. InvalidArgument: no entry.
absl::StatusOr<std::optional<Hash32>> NamesBlobOf(ByteView leaf);

}  // namespace veilsum::coordinator
