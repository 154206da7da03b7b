// Spans on their way to a collector: their form, and that nobody waits for it.
#include <condition_variable>

#include "base/http/http_server.h"
#include "base/http/span_exporter.h"
#include "base/observe/otlp_json.h"
#include "tests/support/status_matchers.h"

namespace veilsum {
namespace {

using absl::StatusCode;
using std::chrono::milliseconds;

Span Sample(const std::string& name) {
  Span span;
  span.trace = TraceIdOf("run-1/7");
  span.id = SpanIdOf(span.trace, name);
  span.name = name;
  span.begin = Span::Time(milliseconds(1'800'000'000'250));
  span.end = span.begin + milliseconds(3);
  return span;
}

// The form of the protocol's own example (opentelemetry-proto, examples/trace.json).
TEST(OtlpJson, HasIdsInHexAndTimesAsText) {
  Span span = Sample("round");
  span.trace = {0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03,
                0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c};
  span.id = {0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74};
  span.parent = {0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x73};
  span.attributes = {{"a.round", std::int64_t{7}}, {"a.ok", true}, {"a.run", std::string("run-1")}};
  span.failed = true;
  EXPECT_EQ(
      OtlpJson({{"service.name", "x"}}, std::vector<Span>{span}),
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"x"}}]},)"
      R"("scopeSpans":[{"scope":{"name":"veilsum"},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c",)"
      R"("spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173","name":"round","kind":1,)"
      R"("startTimeUnixNano":"1800000000250000000","endTimeUnixNano":"1800000000253000000",)"
      R"("attributes":[{"key":"a.round","value":{"intValue":"7"}},{"key":"a.ok","value":{"boolValue":true}},)"
      R"({"key":"a.run","value":{"stringValue":"run-1"}}],"status":{"code":2}}]}]}]})");
}

TEST(OtlpJson, ACallIsTheServers) {
  Span span = Sample("call");
  span.serves = true;
  EXPECT_THAT(OtlpJson({}, std::vector<Span>{span}),
              testing::HasSubstr(R"("name":"call","kind":2,)"));
}

TEST(SpanIds, FollowFromWhatTheyAreOf) {
  EXPECT_EQ(TraceIdOf("run-1/7"), TraceIdOf("run-1/7"));
  EXPECT_NE(TraceIdOf("run-1/7"), TraceIdOf("run-1/8"));
  EXPECT_NE(SpanIdOf(TraceIdOf("a"), "round"), SpanIdOf(TraceIdOf("b"), "round"));
}

// A collector that keeps what it is sent, and may be slow or refuse.
class Collector {
 public:
  explicit Collector(int status = 200) {
    server_ = HttpServer::Start(
                  "127.0.0.1:0",
                  {{"POST", "/v1/traces",
                    [this, status](const HttpRequest& request) { return Take(request, status); }}})
                  .value();
  }
  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }
  std::string Await(std::string_view text) {
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, std::chrono::minutes(1),
                   [&] { return taken_.find(text) != std::string::npos; });
    return taken_;
  }
  std::string taken() {
    const std::lock_guard lock(mutex_);
    return taken_;
  }

 private:
  HttpAnswer Take(const HttpRequest& request, int status) {
    const std::lock_guard lock(mutex_);
    taken_ += request.media_type + request.body;
    came_.notify_all();
    return {.status = status, .content_type = "application/json", .body = "{}"};
  }
  std::mutex mutex_;
  std::condition_variable came_;
  std::string taken_;
  std::unique_ptr<HttpServer> server_;
};

struct Counted {
  std::atomic<std::uint64_t> dropped{0}, warnings{0};
  std::unique_ptr<SpanExporter> Start(const std::string& endpoint) {
    SpanExporterParts parts;
    parts.endpoint = endpoint;
    parts.resource = {{"service.name", "test"}};
    parts.dropped = [this](std::uint64_t count) { dropped += count; };
    parts.warning = [this](std::string_view) { ++warnings; };
    return SpanExporter::Start(std::move(parts)).value();
  }
};

TEST(SpanExporter, ACollectorHasThemSoonAndTheLastOnesAtTheEnd) {
  Collector collector;
  Counted counted;
  auto exporter = counted.Start(collector.endpoint());
  exporter->Add(Sample("first"));
  EXPECT_THAT(collector.Await("first"), testing::HasSubstr("application/json{\"resourceSpans\""));
  exporter->Add(Sample("last"));
  exporter.reset();
  EXPECT_THAT(collector.taken(), testing::HasSubstr("\"name\":\"last\""));
  EXPECT_EQ(counted.dropped, 0u);
  EXPECT_EQ(counted.warnings, 0u);
}

TEST(SpanExporter, WhatIsLeftAtTheEndIsSentOnceOrCounted) {
  Collector collector;
  Counted counted;
  auto exporter = counted.Start(collector.endpoint());
  const std::size_t many = SpanExporter::kQueue;
  for (std::size_t i = 0; i < many; ++i) exporter->Add(Sample("one of many"));
  exporter.reset();
  const std::string taken = collector.taken();
  std::size_t sent = 0;
  for (std::size_t at = 0; (at = taken.find("one of many", at)) != std::string::npos; ++at) ++sent;
  EXPECT_GT(sent, 0u);
  EXPECT_EQ(sent + counted.dropped, many);
}

TEST(SpanExporter, WhatIsNotTakenIsCounted) {
  Collector collector(503);
  Counted counted;
  auto exporter = counted.Start(collector.endpoint());
  exporter->Add(Sample("one"));
  exporter->Add(Sample("two"));
  exporter.reset();
  EXPECT_EQ(counted.dropped, 2u);
  EXPECT_GE(counted.warnings, 1u);
}

TEST(SpanExporter, NobodyWaitsForACollectorThatIsNotThere) {
  std::string endpoint;
  endpoint = Collector().endpoint();  // gone again
  Counted counted;
  auto exporter = counted.Start(endpoint);
  const std::size_t many = 3 * SpanExporter::kQueue;
  for (std::size_t i = 0; i < many; ++i) exporter->Add(Sample("one of many"));
  EXPECT_GT(counted.dropped, 0u) << "the queue is bounded";
  exporter.reset();
  EXPECT_GT(counted.warnings, 0u);
}

TEST(SpanExporter, SendsToThisMachineAlone) {
  const auto start = [](const std::string& endpoint) {
    SpanExporterParts parts;
    parts.endpoint = endpoint;
    return SpanExporter::Start(std::move(parts)).status();
  };
  EXPECT_THAT(start("http://10.0.0.1:4318"), StatusIs(StatusCode::kInvalidArgument, "loopback"));
  EXPECT_THAT(start("https://127.0.0.1:4318"), StatusIs(StatusCode::kInvalidArgument, "http://"));
  EXPECT_THAT(start("127.0.0.1:4318"), StatusIs(StatusCode::kInvalidArgument, "http://"));
  EXPECT_THAT(start("http://127.0.0.1"), StatusIs(StatusCode::kInvalidArgument, "HOST:PORT"));
  EXPECT_THAT(start("http://127.0.0.1:0"), StatusIs(StatusCode::kInvalidArgument, "0"));
}

}  // namespace
}  // namespace veilsum
