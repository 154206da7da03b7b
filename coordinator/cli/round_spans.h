// A round as a trace of its own: the round, and what it waited for. The setups of a run's batches
// as another, and each call of an operator. Everything in a span is a figure of RoundFigures or
// SetupFigures, or a call's method and code, so nothing depends on what a merchant's customers are
// like.
#pragma once

#include <vector>

#include "base/observe/span.h"
#include "coordinator/run/run_port.h"

namespace veilsum::coordinator {

// The round's own span first. `end`: when it ended, by the wall clock.
std::vector<Span> SpansOf(const RoundFigures& figures, Span::Time end);
Span SpanOf(const SetupFigures& figures, Span::Time end);

// `code` is gRPC's; failed is what is the coordinator's own error, not the caller's. `number`: no
// other call of this process has it.
Span SpanOfCall(std::string_view method, int code, Clock::Duration took, std::uint64_t number,
                Span::Time end);

}  // namespace veilsum::coordinator
