// A networked round over mutual TLS on loopback: real clients in this process, the real coordinator
// in a forked one, whose CPU time is all that counts. One JSON object a line; medians over rounds.
// Arguments: prefixes of names.
//
//   secagg/network_round_vs_parts/MEMBERS/DIM/PERCENT   the coordinator's CPU in a round, divided
//   by
//                   bare gRPC sending the models + bare gRPC receiving the uploads + adding +
//                   expanding
//   secagg/network_{round,send,receive,add,expand}_s/...  the two sides of it
//   secagg/network_upload_vs_words/...              bytes received in a round, for each k-bit word,
//                                                   over connections that outlive it
//   secagg/network_{peak,idle}_rss_bytes/...        of the coordinator, in a round and before it
//   secagg/network_hung_up/...                      uploads cut off half-way in a round
//   secagg/network_uploads_admitted/...             W
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secure_rng.h"
#include "tests/bench/network_clients.h"
#include "tests/bench/network_coordinator.h"
#include "tests/bench/timing.h"

namespace veilsum::bench {
namespace {

class Control {
 public:
  explicit Control(int fd) : fd_(fd) {}
  CoordinatorNews Await(CoordinatorNews::Kind kind) {
    CoordinatorNews news;
    VEILSUM_CHECK(read(fd_, &news, sizeof news) == static_cast<ssize_t>(sizeof news));
    VEILSUM_CHECK(news.kind == kind);
    return news;
  }
  void Send(CoordinatorCommand command) { VEILSUM_CHECK(write(fd_, &command, 1) == 1); }
  double Mark() {
    Send(CoordinatorCommand::kMark);
    return Await(CoordinatorNews::kMark).cpu_seconds;
  }

 private:
  const int fd_;
};

struct Figures {
  std::vector<double> ratio, round, send, receive, add, expand, upload, peak, idle, hung_up;
};

void MeasureRound(Control& control, BareClients& bare, const CoordinatorNews& round,
                  Figures& figures) {
  const double start = control.Mark();
  bare.FetchModels();
  const double sent = control.Mark();
  bare.Upload();
  const double received = control.Mark();
  control.Send(CoordinatorCommand::kKernels);
  const CoordinatorNews kernels = control.Await(CoordinatorNews::kKernels);
  figures.round.push_back(round.cpu_seconds);
  figures.send.push_back(sent - start);
  figures.receive.push_back(received - sent);
  figures.add.push_back(kernels.add_seconds);
  figures.expand.push_back(kernels.expand_seconds);
  figures.ratio.push_back(round.cpu_seconds /
                          (received - start + kernels.add_seconds + kernels.expand_seconds));
}

void NoteMemory(const NetworkShape& shape, const CoordinatorNews& round, Figures& figures) {
  const double words = 4.0 * static_cast<double>((shape.members - shape.absent) * shape.dim());
  figures.upload.push_back(static_cast<double>(round.received_bytes) / words);
  figures.peak.push_back(static_cast<double>(round.peak_rss_bytes));
  figures.idle.push_back(static_cast<double>(round.rss_bytes));
}

// One round to warm up, then memory and traffic while the other server is idle, then the ratios.
Figures RunClients(const NetworkWorld& world, int fd) {
  constexpr std::size_t kWarmed = 1, kMemoryNoted = 3;
  Control control(fd);
  const CoordinatorNews listens = control.Await(CoordinatorNews::kListens);
  NetworkClients clients(world, listens.port);
  std::optional<BareClients> bare;
  Figures figures;
  std::size_t hung_up = 0;
  for (std::size_t i = 0; i < world.shape().rounds; ++i) {
    const CoordinatorNews round = control.Await(CoordinatorNews::kRoundOver);
    const std::size_t before = std::exchange(hung_up, clients.hung_up());
    figures.hung_up.push_back(static_cast<double>(hung_up - before));
    if (i >= kMemoryNoted) {
      if (!bare) bare.emplace(world, listens.bare_port);
      MeasureRound(control, *bare, round, figures);
    } else if (i >= kWarmed) {
      NoteMemory(world.shape(), round, figures);
    }
    control.Send(CoordinatorCommand::kGoOn);
  }
  clients.Join();
  return figures;
}

void PrintFigures(const Names& names, const NetworkShape& shape, const Figures& figures) {
  const std::string suffix =
      absl::StrFormat("/%d/%d/%d", shape.members, shape.dim(), 100 * shape.absent / shape.members);
  const auto print = [&](const char* what, const std::vector<double>& values, const char* unit) {
    const std::string name = std::string("secagg/network_") + what + suffix;
    if (names.Asked(name)) Print(name, Median(values), unit);
  };
  print("round_vs_parts", figures.ratio, "ratio");
  print("round_s", figures.round, "s");
  print("send_s", figures.send, "s");
  print("receive_s", figures.receive, "s");
  print("add_s", figures.add, "s");
  print("expand_s", figures.expand, "s");
  print("upload_vs_words", figures.upload, "ratio");
  print("peak_rss_bytes", figures.peak, "bytes");
  print("idle_rss_bytes", figures.idle, "bytes");
  print("hung_up", figures.hung_up, "uploads");
  print("uploads_admitted", {static_cast<double>(shape.uploads_admitted)}, "streams");
}

int Main(int argc, char** argv) {
  const Names names(argc, argv);
  if (!names.Asked("secagg/network_")) return 0;
  const NetworkShape shape;
  const NetworkWorld world(shape);
  int ends[2];
  VEILSUM_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
  int life[2];
  VEILSUM_CHECK(pipe2(life, O_CLOEXEC) == 0);
  const pid_t coordinator = fork();  // before anything of gRPC: it does not survive a fork
  if (coordinator == 0) {
    close(ends[0]);
    close(life[1]);
    _exit(RunNetworkCoordinator(world, ends[1], life[0]));
  }
  close(ends[1]);
  close(life[0]);
  const Figures figures = RunClients(world, ends[0]);
  close(life[1]);
  int status = 0;
  VEILSUM_CHECK(waitpid(coordinator, &status, 0) == coordinator && status == 0);
  PrintFigures(names, shape, figures);
  return 0;
}

}  // namespace
}  // namespace veilsum::bench

int main(int argc, char** argv) {
  veilsum::InitialiseCrypto();
  return veilsum::bench::Main(argc, argv);
}
