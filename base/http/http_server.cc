#include "base/http/http_server.h"

#include <httplib.h>

#include <charconv>
#include <optional>
#include <thread>

namespace veilsum {
namespace {

struct HostAndPort {
  std::string host;
  int port = 0;
};

absl::StatusOr<HostAndPort> Loopback(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  HostAndPort out;
  const char* end = address.data() + address.size();
  if (colon == std::string::npos ||
      std::from_chars(address.data() + colon + 1, end, out.port).ptr != end || out.port < 0 ||
      out.port > 65535)
    return InvalidArgument("%s: must be HOST:PORT", address);
  out.host = address.substr(0, colon);
  if (out.host == "[::1]") out.host = "::1";
  if (out.host == "localhost") out.host = "127.0.0.1";
  if (out.host != "127.0.0.1" && out.host != "::1")
    return InvalidArgument("%s: must be a loopback address (127.0.0.1, [::1] or localhost)",
                           address);
  return out;
}

class LocalServer final : public HttpServer {
 public:
  explicit LocalServer(const HttpLimits& limits) {
    server_.new_task_queue = [threads = limits.threads] {
      return new httplib::ThreadPool(threads);
    };
    server_.set_payload_max_length(limits.body_bytes);
    server_.set_read_timeout(limits.seconds);
    server_.set_write_timeout(limits.seconds);
    server_.set_keep_alive_timeout(limits.seconds);
    server_.set_keep_alive_max_count(limits.requests_per_connection);
    server_.set_tcp_nodelay(true);
    // The library's own choice would let two servers share a port.
    server_.set_socket_options([](auto socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
  }
  ~LocalServer() override {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  void Add(const HttpRoute& route) {
    const auto handler = [answer = route.answer](const httplib::Request& request,
                                                 httplib::Response& response) {
      HttpAnswer out = answer({request.path, request.body});
      response.status = out.status;
      response.set_content(std::move(out.body), out.content_type);
    };
    // The library takes a pattern; every character of ours stands for itself.
    std::string pattern;
    for (const char c : route.path)
      pattern += std::string_view("\\^$.|?*+()[]{}").find(c) == std::string_view::npos
                     ? std::string(1, c)
                     : std::string("\\") + c;
    if (route.method == "POST")
      server_.Post(pattern, handler);
    else
      server_.Get(pattern, handler);
  }

  absl::Status Listen(const HostAndPort& at) {
    port_ = at.port;
    const bool bound = at.port == 0 ? (port_ = server_.bind_to_any_port(at.host)) > 0
                                    : server_.bind_to_port(at.host, at.port);
    if (!bound) return Unavailable("cannot listen on %s:%d", at.host, at.port);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // Else an early stop() would find nothing to stop, and the thread would never end.
    while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return absl::OkStatus();
  }
  int port() const override { return port_; }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address,
                                                              std::vector<HttpRoute> routes,
                                                              HttpLimits limits) {
  VEILSUM_ASSIGN_OR_RETURN(const HostAndPort at, Loopback(address));
  auto server = std::make_unique<LocalServer>(limits);
  for (const HttpRoute& route : routes) server->Add(route);
  VEILSUM_RETURN_IF_ERROR(server->Listen(at));
  return server;
}

}  // namespace veilsum
