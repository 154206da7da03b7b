#include "base/observe/otlp_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/crypto/sha256.h"

namespace veilsum {
namespace {

using Object = nlohmann::ordered_json;

constexpr int kInternal = 1, kServer = 2;  // SPAN_KIND_
constexpr int kOk = 1, kError = 2;

std::string Nanos(Span::Time time) {
  return std::to_string(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

Object ValueJson(const Span::Value& value) {
  struct Shown {
    Object operator()(std::int64_t v) const { return {{"intValue", std::to_string(v)}}; }
    Object operator()(double v) const { return {{"doubleValue", v}}; }
    Object operator()(bool v) const { return {{"boolValue", v}}; }
    Object operator()(const std::string& v) const { return {{"stringValue", v}}; }
  };
  return std::visit(Shown(), value);
}

Object SpanJson(const Span& span) {
  Object attributes = Object::array();
  for (const auto& [key, value] : span.attributes)
    attributes.push_back({{"key", key}, {"value", ValueJson(value)}});
  Object out = {{"traceId", HexEncode(span.trace)}, {"spanId", HexEncode(span.id)}};
  if (span.parent != SpanId{}) out["parentSpanId"] = HexEncode(span.parent);
  out["name"] = span.name;
  out["kind"] = span.serves ? kServer : kInternal;
  out["startTimeUnixNano"] = Nanos(span.begin);
  out["endTimeUnixNano"] = Nanos(span.end);
  out["attributes"] = attributes;
  out["status"] = {{"code", span.failed ? kError : kOk}};
  return out;
}

template <std::size_t N>
std::array<std::uint8_t, N> FirstOf(const Hash32& hash) {
  std::array<std::uint8_t, N> out;
  std::copy_n(hash.begin(), N, out.begin());
  return out;
}

}  // namespace

TraceId TraceIdOf(std::string_view subject) {
  return FirstOf<16>(Sha256("veilsum-trace " + std::string(subject)));
}

SpanId SpanIdOf(const TraceId& trace, std::string_view name) {
  return FirstOf<8>(Sha256("veilsum-span " + HexEncode(trace) + " " + std::string(name)));
}

std::string OtlpJson(const Labels& resource, std::span<const Span> spans) {
  Object attributes = Object::array(), list = Object::array();
  for (const auto& [key, value] : resource)
    attributes.push_back({{"key", key}, {"value", {{"stringValue", value}}}});
  for (const Span& span : spans) list.push_back(SpanJson(span));
  const Object scope = {{"scope", {{"name", "veilsum"}}}, {"spans", list}};
  const Object group = {{"resource", {{"attributes", attributes}}},
                        {"scopeSpans", Object::array({scope})}};
  return Object({{"resourceSpans", Object::array({group})}}).dump();
}

}  // namespace veilsum
