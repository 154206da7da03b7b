// The first draft of a plan for somebody's tables (SE-28): what is protected, which columns there
// are, what they could be. What only a person can know, above all public bounds, is left open, so
// that `veilsum plan check` asks for it.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "client/data/column_kinds.h"

namespace veilsum::cli {

struct FirstPlan {
  std::string name;                                // of the plan; what it may not hold becomes '-'
  std::string unit;                                // the customer's id; empty: guessed
  std::string label;                               // "table.column"; empty: guessed
  std::set<std::string, std::less<>> numeric;      // columns that somebody described as such
  std::set<std::string, std::less<>> categorical;  // numbers that are codes
  std::vector<client::TableSketch> tables;
};

// TOML. InvalidArgument: no table, none with the unit's column or none to guess, no label.
absl::StatusOr<std::string> WriteFirstPlan(const FirstPlan& draft);

}  // namespace veilsum::cli
