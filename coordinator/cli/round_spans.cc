#include "coordinator/cli/round_spans.h"

#include <absl/strings/str_format.h>

namespace veilsum::coordinator {
namespace {

using std::chrono::system_clock;

Span::Time After(Span::Time begin, Clock::Duration time) {
  return begin + std::chrono::duration_cast<system_clock::duration>(time);
}

Span RoundSpan(const RoundFigures& f, Span::Time end) {
  Span out;
  out.trace = TraceIdOf(absl::StrFormat("%s/%d", f.run_id, f.round));
  out.name = "round";
  out.id = SpanIdOf(out.trace, out.name);
  out.begin = After(end, -f.took);
  out.end = end;
  out.failed = !f.committed;
  const auto count = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  out.attributes = {{"veilsum.run", f.run_id},
                    {"veilsum.round", count(f.round)},
                    {"veilsum.committed", f.committed},
                    {"veilsum.participants", count(f.participants)},
                    {"veilsum.dropped", count(f.dropped)},
                    {"veilsum.bytes_in", count(f.bytes_in)},
                    {"veilsum.bytes_out", count(f.bytes_out)}};
  return out;
}

bool IsOwnError(int code) {
  switch (static_cast<absl::StatusCode>(code)) {
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDataLoss:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::vector<Span> SpansOf(const RoundFigures& figures, Span::Time end) {
  std::vector<Span> out = {RoundSpan(figures, end)};
  const Span round = out.front();
  Clock::Duration from{};
  for (const RoundPhase& phase : figures.phases) {
    Span span;
    span.trace = round.trace;
    span.parent = round.id;
    span.name = phase.name;
    span.id = SpanIdOf(span.trace, span.name);
    span.begin = After(round.begin, from);
    span.end = After(round.begin, phase.ended);
    from = phase.ended;
    span.failed = round.failed && &phase == &figures.phases.back();
    out.push_back(std::move(span));
  }
  return out;
}

Span SpanOf(const SetupFigures& figures, Span::Time end) {
  Span out;
  out.trace = TraceIdOf(figures.run_id);
  out.name = "setup";
  // A later start of a coordinator counts from 0 again.
  out.id = SpanIdOf(out.trace,
                    absl::StrFormat("setup/%d/%d", figures.batch, end.time_since_epoch().count()));
  out.begin = After(end, -figures.took);
  out.end = end;
  out.failed = !figures.keyed;
  out.attributes = {{"veilsum.run", figures.run_id},
                    {"veilsum.batch", static_cast<std::int64_t>(figures.batch)},
                    {"veilsum.keyed", figures.keyed}};
  return out;
}

Span SpanOfCall(std::string_view method, int code, Clock::Duration took, std::uint64_t number,
                Span::Time end) {
  Span out;
  out.trace =
      TraceIdOf(absl::StrFormat("call/%s/%d/%d", method, number, end.time_since_epoch().count()));
  out.name = absl::StrFormat("veilsum.admin.v1.Admin/%s", method);
  out.id = SpanIdOf(out.trace, out.name);
  out.begin = After(end, -took);
  out.end = end;
  out.failed = IsOwnError(code);
  out.serves = true;
  out.attributes = {{"rpc.system", std::string("grpc")},
                    {"rpc.service", std::string("veilsum.admin.v1.Admin")},
                    {"rpc.method", std::string(method)},
                    {"rpc.grpc.status_code", std::int64_t{code}}};
  return out;
}

}  // namespace veilsum::coordinator
