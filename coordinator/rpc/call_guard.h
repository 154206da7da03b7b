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

namespace veilsum::coordinator {

// Refuses what the table does not allow, before any of it is read.
class CallGuard final : public grpc::AuthMetadataProcessor {
 public:
  // `anonymous`: peers show no certificate, and may call only what the table opens to them.
  explicit CallGuard(std::shared_ptr<const PeerGate> gate, bool anonymous = false)
      : gate_(std::move(gate)), anonymous_(anonymous) {}
  bool IsBlocking() const override { return false; }
  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* context,
                       OutputMetadata* consumed, OutputMetadata* response) override;

 private:
  absl::Status Check(std::string_view path, const grpc::AuthContext* context) const;
  const std::shared_ptr<const PeerGate> gate_;
  const bool anonymous_;
};

// The open streams of a server and their peers. A thread of its own looks at them twice a second.
class OpenStreams {
 public:
  explicit OpenStreams(std::shared_ptr<const PeerGate> gate);
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

  const std::shared_ptr<const PeerGate> gate_;
  // Recursive: cancelling a call may end it on this very thread.
  std::recursive_mutex mutex_;
  std::condition_variable_any wake_;
  std::map<Watch*, Principal> open_;
  bool stopping_ = false;
  std::atomic<std::uint64_t> cut_ = 0;
  std::thread thread_;  // last: it uses the rest
};

}  // namespace veilsum::coordinator
