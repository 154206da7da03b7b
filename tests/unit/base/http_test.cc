// The server for what stays on this machine, asked over a plain socket.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/http/http_server.h"
#include "base/http/metrics_endpoint.h"
#include "tests/support/status_matchers.h"

namespace veilsum {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string Ask(int port, const std::string& request) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    close(fd);
    return "no connection";
  }
  (void)!write(fd, request.data(), request.size());
  std::string answer;
  char part[4096];
  for (ssize_t n; (n = read(fd, part, sizeof part)) > 0;)
    answer.append(part, static_cast<std::size_t>(n));
  close(fd);
  return answer;
}

std::string Get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
}

TEST(MetricsEndpoint, ShowsFiguresAsTheyAreNow) {
  Metrics metrics;
  ASSERT_OK_AND_ASSIGN(const auto server, ServeMetrics("127.0.0.1:0", metrics));
  metrics.Add("veilsum_test_total", 2);
  const std::string shown = Ask(server->port(), Get("/metrics"));
  EXPECT_THAT(shown, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(shown, HasSubstr("\nveilsum_test_total 2\n"));
  EXPECT_THAT(Ask(server->port(), Get("/healthz")), HasSubstr("\r\n\r\nok\n"));
}

TEST(HttpServer, AnswersItsRoutesAndNothingElse) {
  ASSERT_OK_AND_ASSIGN(
      const auto server,
      HttpServer::Start(
          "127.0.0.1:0",
          {{"GET", "/metrics", [](const HttpRequest&) { return HttpAnswer{.body = "one 1\n"}; }},
           {"POST", "/echo",
            [](const HttpRequest& request) {
              return HttpAnswer{202, "text/x", request.body};
            }}},
          {.body_bytes = 16}));
  const std::string metrics = Ask(server->port(), Get("/metrics"));
  EXPECT_THAT(metrics, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(metrics, HasSubstr("\r\n\r\none 1\n"));
  EXPECT_THAT(Ask(server->port(), Get("/metricsx")), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(Ask(server->port(), Get("/echo")), StartsWith("HTTP/1.1 404"));
  const auto post = [&](const std::string& body) {
    return Ask(server->port(), "POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
                                   std::string("Content-Type: text/csv; charset=utf-8\r\n") +
                                   ("Content-Length: " + std::to_string(body.size())) + "\r\n\r\n" +
                                   body);
  };
  EXPECT_THAT(post("hello"), HasSubstr("\r\n\r\nhello"));
  EXPECT_THAT(post(std::string(17, 'x')), StartsWith("HTTP/1.1 413"));
}

// A page can make its browser send each of these.
TEST(HttpServer, RefusesWhatAPageCouldSend) {
  ASSERT_OK_AND_ASSIGN(
      const auto server,
      HttpServer::Start("127.0.0.1:0", {{"POST", "/", [](const HttpRequest& request) {
                                           return HttpAnswer{.body = request.media_type};
                                         }}}));
  const auto status = [&](const std::string& head) {
    return Ask(server->port(), head + "Connection: close\r\n\r\n{}").substr(9, 3);
  };
  const std::string post = "POST / HTTP/1.1\r\nHost: localhost\r\n";
  const std::string json = "Content-Type: application/json; charset=utf-8\r\n";
  const std::string two = "Content-Length: 2\r\n";
  EXPECT_EQ(status(post + json + two), "200");
  EXPECT_EQ(status("POST / HTTP/1.1\r\nHost: shop.example\r\n" + json + two), "421");
  EXPECT_EQ(status("POST / HTTP/1.1\r\n" + json + two), "421");
  EXPECT_EQ(status(post + "Content-Type: text/plain\r\n" + two), "415");
  EXPECT_EQ(status(post + two), "415");
  EXPECT_EQ(status(post + json + "Content-Encoding: gzip\r\n" + two), "415");
  EXPECT_EQ(status(post + json + "Transfer-Encoding: chunked\r\n"), "411");
  EXPECT_EQ(status("PUT / HTTP/1.1\r\nHost: localhost\r\n" + json + two), "405");
}

TEST(HttpServer, ListensOnLoopbackAlone) {
  for (const char* address : {"0.0.0.0:0", "192.168.1.1:80", "[::]:0", "example.org:80", ":0", "x",
                              "127.0.0.1", "127.0.0.1:65536", "127.0.0.1:1x"})
    EXPECT_THAT(HttpServer::Start(address, {}), StatusIs(absl::StatusCode::kInvalidArgument, ""))
        << address;
}

TEST(HttpServer, APortHasOneOwner) {
  ASSERT_OK_AND_ASSIGN(const auto server, HttpServer::Start("127.0.0.1:0", {}));
  EXPECT_THAT(HttpServer::Start("127.0.0.1:" + std::to_string(server->port()), {}),
              StatusIs(absl::StatusCode::kUnavailable, ""));
}

}  // namespace
}  // namespace veilsum
