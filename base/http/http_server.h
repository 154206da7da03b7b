// A small HTTP/1.1 server for what stays on this machine: metrics, health, answers to a local
// caller. No TLS and no identity, so it listens on a loopback address and nowhere else. Whoever may
// open a connection on this machine may ask; what a page in a browser could be made to send is
// refused: another Host than loopback (421), a body that is neither JSON nor JSON lines nor CSV
// (415; Fetch standard, "CORS-safelisted request-header"), a coded body (415), or one whose length
// is not stated (411).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace veilsum {

struct HttpRequest {
  std::string path;                          // without the query
  std::map<std::string, std::string> query;  // of a name given twice, the first
  std::string media_type;                    // of the body, without parameters
  std::string body;
};

struct HttpAnswer {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

struct HttpRoute {
  std::string method;  // GET or POST
  std::string path;    // exact
  // From any of the server's threads. Must not throw.
  std::function<HttpAnswer(const HttpRequest&)> answer;
};

struct HttpLimits {
  std::size_t threads = 2;
  std::size_t body_bytes = std::size_t{1} << 20;  // a larger one is answered with 413
  int seconds = 5;                                // a peer may take for its request, or our answer
  int idle_seconds = 5;                           // a connection may be silent: it holds a thread
  std::size_t requests_per_connection = 1000;     // then it is closed
};

class HttpServer {
 public:
  // `address` is HOST:PORT, HOST 127.0.0.1, [::1] or localhost; port 0: any free one. Listens when
  // it returns. InvalidArgument: another host, or no such address. Unavailable: the port is taken.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address,
                                                           std::vector<HttpRoute> routes,
                                                           HttpLimits limits = {});
  virtual ~HttpServer() = default;  // ends what is being answered, and the threads
  virtual int port() const = 0;
};

}  // namespace veilsum
