// The JSON list of mechanism events that `veilsum dp events` evaluates; docs/accounting.md has the
// format.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "dp/analysis/selection.h"

namespace veilsum::cli {

struct EventList {
  dp::PrivacySchedule schedule;
  std::vector<dp::Selection> selections;  // "mechanism": "select", each as often as it counts
  std::size_t entries = 0;                // of the list
  std::size_t size() const { return entries; }
  std::uint64_t releases() const;  // a selection is one
};

// Events with "mechanism": "banded" become the releases that they are accounted as: rows in which
// one customer takes part, ceil(count / bands) of them. InvalidArgument naming the place, such as
// events[2].count.
absl::StatusOr<EventList> ParseEvents(const std::string& text);

}  // namespace veilsum::cli
