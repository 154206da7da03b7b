// report.json, schema veilsum.report.v1 (docs/report.md). The same object is printed by `veilsum
// demo --json`.
#pragma once

#include <nlohmann/json.hpp>

#include "cli/demo/report/report.h"

namespace veilsum::cli {

// Keys in the order of the documentation. Numbers that are not finite become null, as does what the
// report leaves empty.
nlohmann::ordered_json ReportJson(const Report& report);
// Its section "privacy".
nlohmann::ordered_json PrivacyJson(const PrivacyFacts& privacy);

}  // namespace veilsum::cli
