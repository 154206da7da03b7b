// Spans as the body of an OTLP/HTTP request with JSON (OpenTelemetry protocol 1.3, "OTLP/HTTP"):
// protobuf's JSON form of ExportTraceServiceRequest, with ids in hex and 64-bit numbers as text.
#pragma once

#include <span>

#include "base/observe/metrics.h"
#include "base/observe/span.h"

namespace veilsum {

// `resource`: who reports, service.name among them.
std::string OtlpJson(const Labels& resource, std::span<const Span> spans);

}  // namespace veilsum
