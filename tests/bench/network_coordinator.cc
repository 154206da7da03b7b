#include "tests/bench/network_coordinator.h"

#include <dirent.h>
#include <linux/tcp.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>

#include "coordinator/rpc/rpc_server.h"
#include "coordinator/run/run_engine.h"
#include "secure_agg/pki/pinned_root_verifier.h"
#include "tests/bench/bare_transfer.h"
#include "tests/bench/kernel_sum.h"
#include "tests/unit/coordinator/run/hooked_store.h"

namespace veilsum::bench {
namespace {

struct Traffic {
  std::uint64_t received = 0, sent = 0;
};
using TrafficByConnection = std::map<std::uint64_t, Traffic>;  // by the kernel's socket cookie

// Of every TCP connection that this process has open, as the kernel counts it.
TrafficByConnection TrafficSoFar() {
  TrafficByConnection all;
  DIR* const folder = opendir("/proc/self/fd");
  VEILSUM_CHECK(folder != nullptr);
  while (const dirent* const entry = readdir(folder)) {
    const int fd = std::atoi(entry->d_name);
    tcp_info info{};
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) continue;
    std::uint64_t cookie = 0;
    size = sizeof cookie;
    VEILSUM_CHECK(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0);
    all[cookie] = {info.tcpi_bytes_received, info.tcpi_bytes_acked};
  }
  closedir(folder);
  return all;
}

// Without what went over connections that are gone now.
Traffic TrafficSince(const TrafficByConnection& before) {
  Traffic sum;
  for (const auto& [cookie, now] : TrafficSoFar()) {
    const auto then = before.find(cookie);
    sum.received += now.received - (then == before.end() ? 0 : then->second.received);
    sum.sent += now.sent - (then == before.end() ? 0 : then->second.sent);
  }
  return sum;
}

// A line of /proc/self/status, such as VmHWM, in bytes.
std::uint64_t MemoryBytes(std::string_view name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name))
      return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10) * 1024;
  return 0;
}

// Lets the peak of the resident memory begin anew, without what measuring has left behind.
void ForgetPeak() {
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";
}

class Meter {
 public:
  Meter(const NetworkWorld& world, int control)
      : world_(world), control_(control), expected_(world.HashOfSum()) {}

  void Send(const CoordinatorNews& news) {
    VEILSUM_CHECK(write(control_, &news, sizeof news) == static_cast<ssize_t>(sizeof news));
  }
  void RoundBegins() {
    ForgetPeak();
    rss_ = MemoryBytes("VmRSS");
    before_ = TrafficSoFar();
    start_ = CpuSeconds();
  }
  // Blocks the engine until the peer lets it go on.
  void RoundIsOver(const coordinator::RoundCommit& commit) {
    CoordinatorNews news;
    news.kind = CoordinatorNews::kRoundOver;
    news.cpu_seconds = CpuSeconds() - start_;
    const Traffic traffic = TrafficSince(before_);
    news.received_bytes = traffic.received;
    news.sent_bytes = traffic.sent;
    news.rss_bytes = rss_;
    news.peak_rss_bytes = MemoryBytes("VmHWM");
    VEILSUM_CHECK(commit.sum_hash == expected_);
    VEILSUM_CHECK(commit.survivors.size() == world_.shape().members - world_.shape().absent);
    Send(news);
    Obey();
    RoundBegins();
  }

 private:
  void Obey() {
    CoordinatorCommand command;
    while (read(control_, &command, 1) == 1) {
      CoordinatorNews news;
      switch (command) {
        case CoordinatorCommand::kMark:
          news.kind = CoordinatorNews::kMark;
          news.cpu_seconds = CpuSeconds();
          break;
        case CoordinatorCommand::kKernels:
          news = Kernels();
          break;
        case CoordinatorCommand::kGoOn:
          return;
      }
      Send(news);
    }
  }
  CoordinatorNews Kernels() const {
    const std::size_t gone = world_.shape().absent, survivors = world_.shape().members - gone;
    KernelSum kernels(world_.shape().dim());
    CoordinatorNews news;
    news.kind = CoordinatorNews::kKernels;
    news.add_seconds = kernels.Additions(survivors);
    news.expand_seconds = kernels.Streams(survivors + gone * survivors);
    return news;
  }

  const NetworkWorld& world_;
  const int control_;
  const Hash32 expected_;
  std::uint64_t rss_ = 0;
  TrafficByConnection before_;
  double start_ = 0;
};

template <class T>
T Value(absl::StatusOr<T> value) {
  if (!value.ok()) std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  VEILSUM_CHECK(value.ok());
  return *std::move(value);
}

void StartTheRun(const NetworkWorld& world, coordinator::RunEngine& engine) {
  admin::v1::StartRunRequest request;
  request.set_plan(world.plan_json());
  for (const NetworkWorld::Member& member : world.members()) {
    request.add_members(member.seat);
    request.add_size_classes(16);
  }
  (void)Value(engine.StartRun(request));
}

}  // namespace

int RunNetworkCoordinator(const NetworkWorld& world, int control, int life) {
  const TestFolder folder;
  const auto sqlite = Value(coordinator::OpenSqliteRunStore(folder.path() / "runs"));
  coordinator::HookedStore store(*sqlite);
  Meter meter(world, control);
  store.after = [&](std::string_view call) {
    if (call == "OpenBlock") meter.RoundBegins();
  };
  store.committed = [&](const std::string&, const coordinator::RoundCommit& commit) {
    meter.RoundIsOver(commit);
  };
  const secure_agg::PinnedRootVerifier verifier(world.root(),
                                                [] { return std::chrono::system_clock::now(); });
  SystemRng rng;
  const SteadyClock clock;
  coordinator::RunEngineParts parts;
  parts.federation = {"fed.test", world.RootFingerprint()};
  parts.store = &store;
  parts.verifier = &verifier;
  parts.rng = &rng;
  parts.clock = &clock;
  parts.timing.regroup = parts.timing.patience = std::chrono::minutes(10);
  const bool tell = std::getenv("VEILSUM_BENCH_LOG") != nullptr;
  parts.log = [tell](std::string_view line) {
    if (tell) std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
  };
  const auto engine = Value(coordinator::RunEngine::Start(std::move(parts)));
  StartTheRun(world, *engine);
  coordinator::RpcServerConfig rpc;
  rpc.tls = world.coordinator();
  rpc.limits.uploads_admitted = world.shape().uploads_admitted;
  const auto server = Value(coordinator::RpcServer::Start(rpc, *engine, *engine));
  const auto bare = BareServer::Start(*world.coordinator(), world.shape().dim() * sizeof(float));
  CoordinatorNews news;
  news.port = server->port();
  news.bare_port = bare->port();
  meter.Send(news);
  char nothing;
  while (read(life, &nothing, 1) > 0) {
  }
  server->Shutdown(std::chrono::seconds(2));
  engine->Shutdown();
  return 0;
}

}  // namespace veilsum::bench
