#include "coordinator/cli/standby.h"

#include <mutex>

namespace veilsum::coordinator {
namespace {

constexpr std::chrono::milliseconds kLeaseLook{250};
constexpr std::chrono::milliseconds kUnreachable{1000};

// Knows nothing but who leads.
class StandbyBackend final : public RoundsBackend, public AdminBackend {
 public:
  void Learn(std::string leader) {
    const std::lock_guard lock(mutex_);
    leader_ = std::move(leader);
  }
  void OnConnected(const std::string&, std::shared_ptr<ClientLink> link) override {
    link->Close(Elsewhere());
  }
  void OnMessage(const std::string&, const std::shared_ptr<ClientLink>& link,
                 v1::ClientMessage) override {
    link->Consumed();
  }
  void OnDisconnected(const std::string&, const std::shared_ptr<ClientLink>&) override {}
  absl::StatusOr<std::size_t> ExpectUpload(const std::string&, std::uint64_t) override {
    return Elsewhere();
  }
  void OnUpload(const std::string&, std::uint64_t, ByteView,
                std::function<void(absl::Status)> done) override {
    done(Elsewhere());
  }
  absl::StatusOr<std::shared_ptr<const Bytes>> ModelBytes(const std::string&,
                                                          const Hash32&) override {
    return Elsewhere();
  }
  absl::StatusOr<admin::v1::StartRunResponse> StartRun(const admin::v1::StartRunRequest&) override {
    return Elsewhere();
  }
  absl::Status StopRun(const std::string&, const std::string&) override { return Elsewhere(); }
  absl::StatusOr<std::function<void()>> Watch(const std::string&, Listener) override {
    return Elsewhere();
  }
  absl::StatusOr<std::shared_ptr<const Bytes>> Model(const std::string&, ByteView) override {
    return Elsewhere();
  }
  absl::StatusOr<admin::v1::GetRunResponse> GetRun(const std::string&) override {
    return Elsewhere();
  }

 private:
  absl::Status Elsewhere() {
    const std::lock_guard lock(mutex_);
    return Unavailable("a standby: %s leads", leader_.empty() ? "nobody yet" : leader_);
  }
  std::mutex mutex_;
  std::string leader_;
};

bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsAborted(status) ||
         absl::IsResourceExhausted(status);
}

// True: it is ours. Connects first where there is no connection, and gives up one that fails.
absl::StatusOr<bool> Try(const StandbyParts& parts, const std::string& holder,
                         StandbyBackend& backend, std::unique_ptr<PostgresLease>& lease) {
  if (lease == nullptr) {
    VEILSUM_ASSIGN_OR_RETURN(lease, PostgresLease::Connect(parts.place, holder));
    VEILSUM_RETURN_IF_ERROR(parts.fit(*lease));
  }
  const absl::StatusOr<bool> elected = lease->TryAcquire();
  if (!elected.ok()) {
    lease.reset();
  } else if (!*elected) {
    if (auto leader = lease->Holder(); leader.ok()) backend.Learn(*std::move(leader));
  }
  return elected;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresLease>> AwaitLease(const StandbyParts& parts,
                                                          const std::shared_future<void>& stop,
                                                          Log& log, std::string& address) {
  StandbyBackend backend;
  RpcServerConfig rpc = parts.rpc;
  rpc.standby = true;
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<RpcServer> server,
                           RpcServer::Start(rpc, backend, backend));
  address = absl::StrFormat("%s:%d", rpc.listen.substr(0, rpc.listen.rfind(':')), server->port());
  const std::string& holder = parts.advertise.empty() ? address : parts.advertise;
  VEILSUM_RETURN_IF_ERROR(parts.listening(address));
  std::unique_ptr<PostgresLease> lease;
  std::string said;
  for (;;) {
    const absl::StatusOr<bool> elected = Try(parts, holder, backend, lease);
    if (elected.ok() && *elected) return lease;
    if (!elected.ok() && !MayPass(elected.status())) return elected.status();
    const std::string now = elected.ok() ? "stands by" : std::string(elected.status().message());
    if (now != said)
      log.Write(now,
                {.level = elected.ok() ? LogLevel::kInfo : LogLevel::kError, .event = "lease"});
    said = now;
    if (stop.wait_for(elected.ok() ? kLeaseLook : kUnreachable) != std::future_status::timeout)
      return std::unique_ptr<PostgresLease>();
  }
}

}  // namespace veilsum::coordinator
