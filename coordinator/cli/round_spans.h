// A round as a trace of its own: the round, and what it waited for. Everything in it is a figure of
// RoundFigures, so nothing depends on what a merchant's customers are like.
#pragma once

#include <vector>

#include "base/observe/span.h"
#include "coordinator/run/run_port.h"

namespace veilsum::coordinator {

// The round's own span first. `end`: when it ended, by the wall clock.
std::vector<Span> SpansOf(const RoundFigures& figures, Span::Time end);

}  // namespace veilsum::coordinator
