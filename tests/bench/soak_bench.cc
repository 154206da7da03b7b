// A hundred clients and a hostile tenant: rounds over mutual TLS on loopback, the coordinator and
// the hostile tenant each in a process of its own. The hostile one attacks in windows of rounds, so
// that both halves see the same machine. One JSON object a line:
//
//   soak/round_p50_vs_quiet, soak/round_p99_vs_quiet   a round's time under attack against one
//   without soak/quiet_round_{p50,p99}_s soak/attacks, soak/attacks_refused                 what
//   the hostile tenant did, and what it got
//
// An attack is one of: a new connection with its handshake; a participation that nobody asked for;
// an upload to the present round, of the largest frames; a fetched model. All by a tenant that the
// federation has let in, as fast as it can, on the least share of the processor that the kernel
// gives: what is measured is what it takes from others inside the coordinator, not what its own
// work costs.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/secure_rng.h"
#include "client/rpc/secure_channel.h"
#include "coordinator/rpc/rpc_server.h"
#include "coordinator/run/run_engine.h"
#include "secure_agg/pki/pinned_root_verifier.h"
#include "tests/bench/network_clients.h"
#include "tests/bench/timing.h"
#include "veilsum/coordinator/v1/rounds.grpc.pb.h"

namespace veilsum::bench {
namespace {

constexpr std::size_t kWindow = 16;  // rounds; every second window is under attack
// An odd number of windows: the round beside which the next batch is keyed comes now with an
// attack, now without.
constexpr std::uint32_t kKeyBatch = 3 * kWindow;
constexpr std::size_t kWarmed = 16;

// VEILSUM_SOAK_WINDOWS, 2 to 400; 8 without it.
std::size_t Windows() {
  const char* const asked = std::getenv("VEILSUM_SOAK_WINDOWS");
  const int windows = asked == nullptr ? 8 : std::atoi(asked);
  VEILSUM_CHECK(windows >= 2 && windows <= 400);
  return static_cast<std::size_t>(windows);
}

template <class T>
T Value(absl::StatusOr<T> value) {
  if (!value.ok()) std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  VEILSUM_CHECK(value.ok());
  return *std::move(value);
}

template <class T>
void Put(int fd, const T& value) {
  VEILSUM_CHECK(write(fd, &value, sizeof value) == static_cast<ssize_t>(sizeof value));
}
template <class T>
bool Get(int fd, T& value) {
  return read(fd, &value, sizeof value) == static_cast<ssize_t>(sizeof value);
}

// ---- The coordinator: its port, then the seconds of each round, go out; until `life` is closed.
int RunCoordinator(const NetworkWorld& world, int out, int life) {
  const TestFolder folder;
  const auto store = Value(coordinator::OpenSqliteRunStore(folder.path() / "runs"));
  const secure_agg::PinnedRootVerifier verifier(world.root(),
                                                [] { return std::chrono::system_clock::now(); });
  SystemRng rng;
  const SteadyClock clock;
  coordinator::RunEngineParts parts;
  parts.federation = {"fed.test", world.RootFingerprint()};
  parts.store = store.get();
  parts.verifier = &verifier;
  parts.rng = &rng;
  parts.clock = &clock;
  parts.timing.regroup = parts.timing.patience = std::chrono::minutes(10);
  const bool tell = std::getenv("VEILSUM_BENCH_LOG") != nullptr;
  parts.log = [tell](std::string_view line) {
    if (tell) std::fprintf(stderr, "%.*s\n", static_cast<int>(line.size()), line.data());
  };
  parts.round_ended = [out](const coordinator::RoundFigures& round) {
    if (!round.committed) return;  // spent: a member was too slow, which says nothing of the others
    Put(out, std::chrono::duration<double>(round.took).count());
  };
  const auto engine = Value(coordinator::RunEngine::Start(std::move(parts)));
  admin::v1::StartRunRequest request;
  request.set_plan(world.plan_json());
  for (const NetworkWorld::Member& member : world.members()) {
    request.add_members(member.seat);
    request.add_size_classes(16);
  }
  (void)Value(engine->StartRun(request));
  coordinator::RpcServerConfig rpc;
  rpc.tls = world.coordinator();
  const auto server = Value(coordinator::RpcServer::Start(rpc, *engine, *engine));
  Put(out, server->port());
  char nothing;
  while (read(life, &nothing, 1) > 0) {
  }
  server->Shutdown(std::chrono::seconds(2));
  engine->Shutdown();
  return 0;
}

// ---- The hostile tenant
struct Attacks {
  std::uint64_t made = 0, refused = 0;
};

class Hostile {
 public:
  Hostile(const NetworkWorld& world, const NetworkWorld::Member& self, int port) {
    link_.target = absl::StrFormat("127.0.0.1:%d", port);
    link_.coordinator_id = world.coordinator()->id.ToString();
    link_.tls = self.tls;
    link_.connect_timeout = std::chrono::seconds(30);
    frame_.set_words(std::string(256 * 1024, 'x'));
  }
  void Attack(std::size_t kind) {
    ++attacks_.made;
    if (kind == 0 || channel_ == nullptr) Connect();
    if (channel_ == nullptr) return void(++attacks_.refused);
    coordinator::v1::Rounds::Stub stub(channel_);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
    grpc::Status end;
    if (kind == 1) {
      const auto stream = stub.Participate(&context);
      coordinator::v1::ClientMessage join;
      join.mutable_join()->set_protocol(1);
      for (int i = 0; i < 1000 && stream->Write(join); ++i) {
      }
      stream->WritesDone();
      end = stream->Finish();
    } else if (kind == 2) {
      secagg::v1::UploadReceipt receipt;
      const auto writer = stub.Upload(&context, &receipt);
      frame_.set_round(round_++);
      for (int i = 0; i < 16 && writer->Write(frame_); ++i) {
      }
      end = writer->Finish();
    } else {
      const auto reader = stub.FetchModel(&context, coordinator::v1::FetchModelRequest());
      for (coordinator::v1::ModelFrame part; reader->Read(&part);) {
      }
      end = reader->Finish();
    }
    if (!end.ok()) ++attacks_.refused;
  }
  const Attacks& attacks() const { return attacks_; }

 private:
  void Connect() {
    channel_ = nullptr;
    if (auto channel = client::OpenSecureChannel(link_); channel.ok()) channel_ = *channel;
  }

  client::LinkConfig link_;
  std::shared_ptr<grpc::Channel> channel_;
  secagg::v1::UploadFrame frame_;
  std::uint64_t round_ = 1;
  Attacks attacks_;
};

// Reads the port, then '+' and '-': attack, rest. Writes what it did at the end.
int RunHostile(const NetworkWorld& world, const NetworkWorld::Member& self, int in, int out) {
  constexpr std::size_t kThreads = 8;
  setpriority(PRIO_PROCESS, 0, 19);
  int port = 0;
  if (!Get(in, port)) return 1;
  std::atomic<bool> over = false, attacking = false;
  std::vector<std::unique_ptr<Hostile>> parts;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    parts.push_back(std::make_unique<Hostile>(world, self, port));
    threads.emplace_back([&, part = parts.back().get(), i] {
      for (std::size_t n = i; !over; ++n) {
        if (attacking)
          part->Attack(n % 4);
        else
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    });
  }
  for (char command; Get(in, command);) attacking = command == '+';
  over = true;
  Attacks sum;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads[i].join();
    sum.made += parts[i]->attacks().made;
    sum.refused += parts[i]->attacks().refused;
  }
  Put(out, sum);
  return 0;
}

// ---- The rounds
double Quantile(std::vector<double> values, double part) {
  std::ranges::sort(values);
  return values[std::min(values.size() - 1,
                         static_cast<std::size_t>(part * static_cast<double>(values.size())))];
}

void Soak(const NetworkWorld& world, int news, int hostile) {
  const std::size_t windows = Windows();
  int port = 0;
  VEILSUM_CHECK(Get(news, port));
  Put(hostile, port);
  NetworkClients clients(world, port);
  std::array<std::vector<double>, 2> seconds;  // without, with an attack
  double took;
  for (std::size_t i = 0; i < kWarmed; ++i) VEILSUM_CHECK(Get(news, took));
  for (std::size_t window = 0; window < windows; ++window) {
    const bool attacked = window % 2 == 1;
    Put(hostile, attacked ? '+' : '-');
    for (std::size_t i = 0; i < kWindow; ++i) {
      VEILSUM_CHECK(Get(news, took));
      if (i > 0) seconds[attacked].push_back(took);  // the first one began before the window
    }
  }
  close(hostile);
  clients.Join();
  for (const auto& [name, part] : {std::pair("p50", 0.5), std::pair("p99", 0.99)}) {
    const double quiet = Quantile(seconds[0], part), noisy = Quantile(seconds[1], part);
    Print(absl::StrFormat("soak/round_%s_vs_quiet", name), noisy / quiet, "ratio");
    Print(absl::StrFormat("soak/quiet_round_%s_s", name), quiet, "s");
  }
}

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int ends[2];
    VEILSUM_CHECK(pipe(ends) == 0);
    read = ends[0];
    write = ends[1];
  }
};

int Main(int argc, char** argv) {
  if (!Names(argc, argv).Asked("soak/")) return 0;
  NetworkShape shape{.absent = 0,
                     .hanging_up = 0,
                     .rounds = kWarmed + Windows() * kWindow,
                     .first = 64,
                     .second = 32,
                     .key_batch = kKeyBatch};
  const NetworkWorld world(shape);
  const NetworkWorld::Member stranger = world.Made("hostile");
  const Pipe news, life, commands, result;
  const pid_t coordinator = fork();  // both before anything of gRPC: it does not survive a fork
  if (coordinator == 0) {
    for (const int fd : {life.write, news.read, commands.write}) close(fd);
    _exit(RunCoordinator(world, news.write, life.read));
  }
  const pid_t hostile = fork();
  if (hostile == 0) {
    for (const int fd : {life.write, news.read, commands.write}) close(fd);
    _exit(RunHostile(world, stranger, commands.read, result.write));
  }
  Soak(world, news.read, commands.write);
  Attacks attacks;
  VEILSUM_CHECK(Get(result.read, attacks));
  Print("soak/attacks", static_cast<double>(attacks.made), "attacks");
  Print("soak/attacks_refused", static_cast<double>(attacks.refused), "attacks");
  close(life.write);
  for (const pid_t child : {coordinator, hostile}) {
    int status = 0;
    VEILSUM_CHECK(waitpid(child, &status, 0) == child && status == 0);
  }
  return 0;
}

}  // namespace
}  // namespace veilsum::bench

int main(int argc, char** argv) {
  veilsum::InitialiseCrypto();
  return veilsum::bench::Main(argc, argv);
}
