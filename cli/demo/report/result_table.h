// The result of a demo as a table of text for a terminal: what `veilsum demo` prints without
// --json.
#pragma once

#include <string>

#include "cli/demo/report/report.h"

namespace veilsum::cli {

std::string ResultTable(const Report& report);

// Values as both reports show them: "-" when there is none.
std::string Shown(const std::optional<double>& value, int digits);
// 1234567 -> "1.2 MB" (powers of 1000).
std::string ShownBytes(const std::optional<std::uint64_t>& bytes);
// "3 (delta 1e-05)", or "none: no noise was added".
std::string ShownEpsilon(const PrivacyFacts& privacy);

}  // namespace veilsum::cli
