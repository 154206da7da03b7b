#include "secure_agg/refusal_counts.h"

#include <algorithm>

namespace veilsum::secure_agg {

std::string CheckOf(const absl::Status& refusal) {
  const std::string_view message(refusal.message().data(), refusal.message().size());
  if (refusal.ok() || !message.starts_with("SA-")) return "";
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto end = std::find_if_not(message.begin() + 3, message.end(), is_digit);
  return std::string(message.begin(), end);
}

void RefusalCounts::Count(const absl::Status& refusal) {
  if (refusal.ok()) return;
  ++by_check_[CheckOf(refusal)];
  ++total_;
}

std::uint64_t RefusalCounts::of(std::string_view check) const {
  const auto found = by_check_.find(check);
  return found == by_check_.end() ? 0 : found->second;
}

}  // namespace veilsum::secure_agg
