#include "base/http/http_server.h"

#include <httplib.h>

#include <optional>
#include <thread>

#include "base/http/loopback.h"

namespace veilsum {
namespace {

bool IsLoopbackName(std::string host) {
  if (const std::size_t colon = host.rfind(':');
      colon != std::string::npos && host.find(']', colon) == std::string::npos)
    host.resize(colon);
  return host == "127.0.0.1" || host == "localhost" || host == "[::1]";
}

std::string MediaType(const std::string& header) {
  const std::string type = header.substr(0, header.find(';'));
  return type.substr(0, type.find_last_not_of(' ') + 1);
}

// Before the body is read. 0: go on.
int Refused(const httplib::Request& request) {
  if (!IsLoopbackName(request.get_header_value("Host"))) return 421;
  if (request.has_header("Content-Encoding")) return 415;
  if (request.has_header("Transfer-Encoding")) return 411;
  if (request.method != "POST") return request.method == "GET" ? 0 : 405;
  const std::string type = MediaType(request.get_header_value("Content-Type"));
  return type == "application/json" || type == "application/x-ndjson" || type == "text/csv" ? 0
                                                                                            : 415;
}

HttpRequest Translated(const httplib::Request& request) {
  return {request.path,
          {request.params.begin(), request.params.end()},
          MediaType(request.get_header_value("Content-Type")),
          request.body};
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
    server_.set_keep_alive_timeout(limits.idle_seconds);
    server_.set_keep_alive_max_count(limits.requests_per_connection);
    server_.set_tcp_nodelay(true);
    // The library's own choice would let two servers share a port.
    server_.set_socket_options([](auto socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.set_pre_routing_handler(
        [](const httplib::Request& request, httplib::Response& response) {
          const int status = Refused(request);
          if (status == 0) return httplib::Server::HandlerResponse::Unhandled;
          response.status = status;
          response.set_header("Connection", "close");  // its body is not read
          return httplib::Server::HandlerResponse::Handled;
        });
  }
  ~LocalServer() override {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  void Add(const HttpRoute& route) {
    const auto handler = [answer = route.answer](const httplib::Request& request,
                                                 httplib::Response& response) {
      HttpAnswer out = answer(Translated(request));
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
