// Sends spans to an OpenTelemetry collector on this machine, which passes them on as it is set up
// to: OTLP over HTTP with JSON, POST /v1/traces. Whoever adds a span never waits: what does not fit
// into the queue, or is not taken at once, is dropped and counted.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/observe/metrics.h"
#include "base/observe/span.h"
#include "base/status.h"

namespace veilsum {

struct SpanExporterParts {
  std::string endpoint;                           // http://HOST:PORT, on loopback
  Labels resource;                                // OtlpJson's
  std::function<void(std::uint64_t)> dropped;     // how many at a time; may be empty
  std::function<void(std::string_view)> warning;  // why a batch was not taken; may be empty
};

// InvalidArgument: not http://HOST:PORT with a loopback address and a port.
absl::Status CheckTraceEndpoint(const std::string& endpoint);

class SpanExporter {
 public:
  static constexpr std::size_t kQueue = 4096, kBatch = 512;  // spans
  static constexpr std::chrono::seconds kPause{1}, kPatience{2};

  // Errors of CheckTraceEndpoint. Whether anybody listens there is found out later.
  static absl::StatusOr<std::unique_ptr<SpanExporter>> Start(SpanExporterParts parts);
  ~SpanExporter();      // sends a batch of what is left, and counts the rest as dropped
  void Add(Span span);  // thread-safe

 private:
  SpanExporter(SpanExporterParts parts, std::string host, int port);
  void Loop();
  void Send(std::vector<Span> batch);
  std::vector<Span> TakeBatch();  // under mutex_

  const SpanExporterParts parts_;
  const std::string host_;
  const int port_;
  std::mutex mutex_;
  std::condition_variable woken_;
  std::deque<Span> queue_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace veilsum
