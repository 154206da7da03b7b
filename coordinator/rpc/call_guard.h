// What stands before every RPC, whichever service it is of: the table of coordinator/authz, asked
// before a handler is, and a watch over the streams that are open, which cuts those whose peer has
// been revoked or has let its certificate lapse.
#pragma once

#include <grpcpp/security/auth_metadata_processor.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_interceptor.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "coordinator/rpc/peer_identity.h"
#include "coordinator/rpc/rpc_observer.h"
#include "coordinator/rpc/tenant_quota.h"

namespace veilsum::coordinator {

// Refuses what the table does not allow, before any of it is read.
class CallGuard final : public grpc::AuthMetadataProcessor {
 public:
  // `anonymous`: peers show no certificate, and may call only what the table opens to them.
  // `calls`: how many a tenant may begin; null: any number. `observer` may be null.
  explicit CallGuard(std::shared_ptr<const PeerGate> gate, bool anonymous = false,
                     std::shared_ptr<TenantQuota> calls = nullptr, RpcObserver* observer = nullptr)
      : gate_(std::move(gate)),
        anonymous_(anonymous),
        calls_(std::move(calls)),
        observer_(observer) {}
  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context,
                       OutputMetadata* consumed, OutputMetadata* response) override;

 private:
  absl::Status Check(std::string_view path, const grpc::AuthContext* context) const;
  const std::shared_ptr<const PeerGate> gate_;
  const bool anonymous_;
  const std::shared_ptr<TenantQuota> calls_;
  RpcObserver* const observer_;
};

// The open streams of a server and their peers. A thread of its own looks at them twice a second.
class OpenStreams {
 public:
  // At most `of_a_tenant` streams of a tenant stay open, the oldest. `observer` may be null.
  explicit OpenStreams(std::shared_ptr<const PeerGate> gate, std::size_t of_a_tenant = 64,
                       RpcObserver* observer = nullptr);
  ~OpenStreams();
  OpenStreams(const OpenStreams&) = delete;
  OpenStreams& operator=(const OpenStreams&) = delete;

  // For grpc::ServerBuilder: notes every stream. This object must outlive the server.
  std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> Factory();
  std::uint64_t cut() const { return cut_; }  // so far

 private:
  class Watch;
  class WatchFactory;
  void Add(Watch* watch);
  void Remove(Watch* watch);
  void Sweep();

  struct Stream {
    Principal peer;
    bool excess;  // more than its tenant may have
  };
  const std::shared_ptr<const PeerGate> gate_;
  const std::size_t of_a_tenant_;
  RpcObserver* const observer_;
  // Recursive: cancelling a call may end it on this very thread.
  std::recursive_mutex mutex_;
  std::condition_variable_any wake_;
  std::map<Watch*, Stream> open_;
  bool look_now_ = false;
  bool stopping_ = false;
  std::atomic<std::uint64_t> cut_ = 0;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace veilsum::coordinator
