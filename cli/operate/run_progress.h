// How a run stands, as `veilsum run watch` tells it.
#pragma once

#include <string>

#include "base/canonical_json.h"
#include "veilsum/admin/v1/admin.pb.h"

namespace veilsum::cli {

// One line, without its end.
std::string ProgressLine(const admin::v1::RunProgress& progress);
// A line for each group of the evaluation, with their ends; empty without groups.
std::string GroupLines(const admin::v1::Evaluation& evaluation);
// Schema veilsum.run_progress.v1 (docs/formats.md). "evaluation" is there once there is one.
Json ProgressJson(const admin::v1::RunProgress& progress);

}  // namespace veilsum::cli
