// One timed piece of work, as OpenTelemetry has it: spans of one trace hang together by their
// parents. Attributes are of types that hold no text but a name of our own choice.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace veilsum {

using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;  // all zero: no parent

struct Span {
  using Time = std::chrono::system_clock::time_point;
  using Value = std::variant<std::int64_t, double, bool, std::string>;
  TraceId trace{};
  SpanId id{}, parent{};
  std::string name;
  Time begin, end;
  std::vector<std::pair<std::string, Value>> attributes;
  bool failed = false;
  bool serves = false;  // a call from elsewhere; otherwise it is this program's own doing
};

// The same wherever they are computed: a trace by what it is of, a span by its place in it.
TraceId TraceIdOf(std::string_view subject);
SpanId SpanIdOf(const TraceId& trace, std::string_view name);

}  // namespace veilsum
