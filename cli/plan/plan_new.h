// `veilsum plan new`: drafts a plan from one merchant's files (SE-28).
#pragma once

#include <CLI/CLI.hpp>

#include "cli/support/outcome.h"

namespace veilsum::cli {

void AddPlanNew(CLI::App& plan, Outcome& outcome);

}  // namespace veilsum::cli
