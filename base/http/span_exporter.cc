#include "base/http/span_exporter.h"

#include <httplib.h>

#include "base/http/loopback.h"
#include "base/observe/otlp_json.h"

namespace veilsum {

namespace {

absl::StatusOr<HostAndPort> CollectorAt(const std::string& endpoint) {
  constexpr std::string_view kScheme = "http://";
  if (!endpoint.starts_with(kScheme))
    return InvalidArgument("%s: must be http://HOST:PORT", endpoint);
  VEILSUM_ASSIGN_OR_RETURN(HostAndPort at, Loopback(endpoint.substr(kScheme.size())));
  if (at.port == 0) return InvalidArgument("%s: the port must not be 0", endpoint);
  return at;
}

}  // namespace

absl::Status CheckTraceEndpoint(const std::string& endpoint) {
  return CollectorAt(endpoint).status();
}

absl::StatusOr<std::unique_ptr<SpanExporter>> SpanExporter::Start(SpanExporterParts parts) {
  VEILSUM_ASSIGN_OR_RETURN(const HostAndPort at, CollectorAt(parts.endpoint));
  return std::unique_ptr<SpanExporter>(new SpanExporter(std::move(parts), at.host, at.port));
}

SpanExporter::SpanExporter(SpanExporterParts parts, std::string host, int port)
    : parts_(std::move(parts)), host_(std::move(host)), port_(port), thread_([this] { Loop(); }) {}

SpanExporter::~SpanExporter() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  woken_.notify_one();
  thread_.join();
}

void SpanExporter::Add(Span span) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() < kQueue) return queue_.push_back(std::move(span));
  }
  if (parts_.dropped) parts_.dropped(1);
}

std::vector<Span> SpanExporter::TakeBatch() {
  const std::size_t count = std::min(queue_.size(), kBatch);
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Span> out(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  return out;
}

void SpanExporter::Loop() {
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    woken_.wait_for(lock, kPause, [this] { return over_; });
    last = over_;
    std::vector<Span> batch = TakeBatch();
    lock.unlock();
    if (!batch.empty()) Send(std::move(batch));
    lock.lock();
  }
  if (!queue_.empty() && parts_.dropped) parts_.dropped(queue_.size());
}

void SpanExporter::Send(std::vector<Span> batch) {
  httplib::Client client(host_, port_);
  client.set_connection_timeout(kPatience);
  client.set_read_timeout(kPatience);
  client.set_write_timeout(kPatience);
  const httplib::Result answer =
      client.Post("/v1/traces", OtlpJson(parts_.resource, batch), "application/json");
  if (answer && answer->status / 100 == 2) return;
  if (parts_.dropped) parts_.dropped(batch.size());
  if (parts_.warning)
    parts_.warning(absl::StrFormat(
        "%s takes no spans: %s", parts_.endpoint,
        answer ? absl::StrFormat("it answers %d", answer->status) : to_string(answer.error())));
}

}  // namespace veilsum
