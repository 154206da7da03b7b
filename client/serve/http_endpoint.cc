#include "client/serve/http_endpoint.h"

#include <httplib.h>

#include <thread>

namespace veilsum::client {
namespace {

using httplib::Request;
using httplib::Response;

bool IsLoopbackName(std::string host) {
  if (const std::size_t colon = host.rfind(':');
      colon != std::string::npos && host.find(']', colon) == std::string::npos)
    host.resize(colon);
  return host == "127.0.0.1" || host == "localhost" || host == "[::1]";
}

std::string_view MediaType(const std::string& header) {
  const std::string_view type = std::string_view(header).substr(0, header.find(';'));
  return type.substr(0, type.find_last_not_of(' ') + 1);
}

// Before the body is read. 0: go on.
int Refused(const Request& request) {
  if (!IsLoopbackName(request.get_header_value("Host"))) return 421;
  if (request.has_header("Content-Encoding")) return 415;
  if (request.has_header("Transfer-Encoding")) return 411;
  if (request.method != "POST") return request.method == "GET" ? 0 : 405;
  const std::string header = request.get_header_value("Content-Type");
  const std::string_view type = MediaType(header);
  return type == "application/json" || type == "application/x-ndjson" || type == "text/csv" ? 0
                                                                                            : 415;
}

class Endpoint final : public HttpEndpoint {
 public:
  explicit Endpoint(ServingApi& api) : api_(api) {}
  ~Endpoint() override {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Listen(const HttpEndpointConfig& config) {
    const std::size_t threads = config.threads;
    server_.new_task_queue = [threads] { return new httplib::ThreadPool(threads); };
    server_.set_tcp_nodelay(true);
    // The library's default, SO_REUSEPORT, would let two processes share the port.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.set_keep_alive_max_count(1'000'000);
    server_.set_keep_alive_timeout(2);
    server_.set_read_timeout(10);
    server_.set_write_timeout(10);
    server_.set_payload_max_length(config.body_bytes);
    Route();
    port_ = config.port;
    if (port_ == 0) port_ = server_.bind_to_any_port(config.address);
    if (port_ < 0 || (config.port != 0 && !server_.bind_to_port(config.address, port_)))
      return Unavailable("%s:%d cannot be listened on", config.address, config.port);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return absl::OkStatus();
  }

  int port() const override { return port_; }

 private:
  static void Put(ServingReply reply, Response& response) {
    response.status = reply.status;
    response.set_content(reply.body, reply.type);
  }

  void Post(const std::string& path, ServingReply (ServingApi::*answer)(const ServingRequest&)) {
    server_.Post(path, [this, answer](const Request& request, Response& response) {
      const std::string header = request.get_header_value("Content-Type");
      Put((api_.*
           answer)({MediaType(header), request.body, request.get_param_value("explain") == "1"}),
          response);
    });
  }

  void Route() {
    server_.set_pre_routing_handler([](const Request& request, Response& response) {
      const int status = Refused(request);
      if (status == 0) return httplib::Server::HandlerResponse::Unhandled;
      response.status = status;
      response.set_header("Connection", "close");  // its body is not read
      return httplib::Server::HandlerResponse::Handled;
    });
    Post("/v1/predict", &ServingApi::Predict);
    Post("/v1/recommend", &ServingApi::Recommend);
    Post("/v1/feedback", &ServingApi::Feedback);
    server_.Get("/v1/model",
                [this](const Request&, Response& response) { Put(api_.Model(), response); });
    server_.Get("/v1/counters",
                [this](const Request&, Response& response) { Put(api_.Counters(), response); });
  }

  ServingApi& api_;
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpEndpoint>> HttpEndpoint::Start(const HttpEndpointConfig& config,
                                                                  ServingApi& api) {
  if (config.address != "127.0.0.1" && config.address != "::1")
    return InvalidArgument("address is %s, must be 127.0.0.1 or ::1", config.address);
  auto endpoint = std::make_unique<Endpoint>(api);
  VEILSUM_RETURN_IF_ERROR(endpoint->Listen(config));
  return std::unique_ptr<HttpEndpoint>(std::move(endpoint));
}

}  // namespace veilsum::client
