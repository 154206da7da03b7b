// How often each check has refused something (SA-43): what an operator's counters and a test of one
// attack look at. No secret and nothing of the data is ever in it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/status.h"

namespace veilsum::secure_agg {

// The check that an error's message starts with: "SA-26" for "SA-26 alarm: a second ...". Empty
// when it names none.
std::string CheckOf(const absl::Status& refusal);

class RefusalCounts {
 public:
  void Count(const absl::Status& refusal);  // OK counts as nothing
  std::uint64_t of(std::string_view check) const;
  std::uint64_t total() const { return total_; }
  // By check; refusals without one, such as a caller's own mistake, are under "".
  const std::map<std::string, std::uint64_t, std::less<>>& by_check() const { return by_check_; }

 private:
  std::map<std::string, std::uint64_t, std::less<>> by_check_;
  std::uint64_t total_ = 0;
};

}  // namespace veilsum::secure_agg
