// Plans as changes to the example's text.
#pragma once

#include <gtest/gtest.h>

#include "absl/strings/str_format.h"
#include "tests/unit/model/example_plan.h"

namespace veilsum::model {

// `text` with its first `from` replaced; fails the test where there is none.
inline std::string Replace(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

// The example with another task and label.
inline std::string PlanOf(std::string_view task, std::string_view label) {
  return Replace(Replace(kExamplePlan, "task = \"binary\"", absl::StrFormat("task = \"%s\"", task)),
                 "column = \"labels.label\"\nkind = \"binary\"\n",
                 absl::StrFormat("column = \"labels.label\"\n%s", label));
}

}  // namespace veilsum::model
