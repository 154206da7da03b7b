// Stands between a client and its coordinator and passes bytes on, so that a test can cut the
// network of one of them: stopped (SIGSTOP) it is a network that swallows everything and comes back
// with all of it; killed, one that resets connections.
//   forwarder PORT TARGET_PORT      both on 127.0.0.1; until it is killed
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

namespace {

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

sockaddr_in Loopback(const char* port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool SendAll(int to, const char* bytes, ssize_t size) {
  while (size > 0) {
    const ssize_t sent = send(to, bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    size -= sent;
  }
  return true;
}

// Until either end closes; then both do.
void Pump(std::shared_ptr<Socket> from, std::shared_ptr<Socket> to) {
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const ssize_t got = recv(from->fd(), buffer.data(), buffer.size(), 0);
    if (got <= 0 || !SendAll(to->fd(), buffer.data(), got)) break;
  }
  shutdown(from->fd(), SHUT_RDWR);
  shutdown(to->fd(), SHUT_RDWR);
}

void Forward(std::shared_ptr<Socket> client, const sockaddr_in& target) {
  const auto server = std::make_shared<Socket>(socket(AF_INET, SOCK_STREAM, 0));
  if (connect(server->fd(), reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0) return;
  std::thread(Pump, client, server).detach();
  std::thread(Pump, server, client).detach();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fputs("usage: forwarder PORT TARGET_PORT\n", stderr), 64;
  const Socket listener(socket(AF_INET, SOCK_STREAM, 0));
  const int reuse = 1;
  setsockopt(listener.fd(), SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  const sockaddr_in own = Loopback(argv[1]), target = Loopback(argv[2]);
  if (bind(listener.fd(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 ||
      listen(listener.fd(), 64) != 0)
    return std::perror("forwarder"), 1;
  for (;;) {
    const int fd = accept(listener.fd(), nullptr, nullptr);
    if (fd >= 0) Forward(std::make_shared<Socket>(fd), target);
  }
}
