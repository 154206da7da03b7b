// The coordinator's network side: gRPC over mutually authenticated TLS 1.3 (SA-38). It translates
// and takes no decision. Who may call what is coordinator/authz's to say.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/pki/credentials.h"
#include "coordinator/admin/admin_backend.h"
#include "coordinator/authz/deny_list.h"
#include "coordinator/round/rounds_backend.h"
#include "coordinator/rpc/answered_calls.h"
#include "coordinator/rpc/rpc_observer.h"
#include "coordinator/rpc/tenant_quota.h"

namespace veilsum::coordinator {

class IdentityOffice;
class RecordBackend;

inline constexpr std::size_t kFrameBytes =
    256 * 1024;  // the largest frame of an upload or a model (SE-18)

struct RpcLimits {
  int uploads_admitted = 4;  // W of SE-19: streams that are read at once; the others wait unread
  std::chrono::milliseconds upload_deadline{
      60'000};  // of one admitted upload, then it is cancelled
  std::chrono::milliseconds stream_deadline{120'000};  // of one model fetch
  std::size_t queued_bytes =
      16u << 20;  // of messages that a slow client has not taken; then it is cut
  int max_message_bytes = 4 << 20;
  int stream_window_bytes = 512 * 1024;  // flow control: of a stream, beyond what has been read
  int read_chunk_bytes = 128 * 1024;     // of a connection's socket, at once
  int max_concurrent_streams = 100;      // a connection
  std::size_t tenant_streams = 64;       // of all connections of a tenant; later ones are cut
  Rate tenant_calls{200, 400};           // begun by a tenant
  // Of one client's stream, which ends when they come faster. A round takes about five.
  Rate messages{5000, 10'000};
  // Of one client's stream, not dealt with yet: then it is not read, and what it sends waits where
  // it is. So a client has a bounded part of what the coordinator works through.
  std::size_t unconsumed_messages = 16, unconsumed_bytes = 1u << 20;
  std::size_t memory_bytes = std::size_t{1} << 30;  // gRPC's resource quota
};

// Where the server's own credentials are read again, once a second, so that they can be replaced
// without a restart. The key may not be encrypted.
struct TlsFiles {
  std::filesystem::path root, certificate, key;
};

struct RpcServerConfig {
  std::string listen = "127.0.0.1:0";  // host:port; port 0: any free one
  std::shared_ptr<const TlsIdentity>
      tls;  // role coordinator; its domain is the only one that is let in
  RpcLimits limits = {};
  std::optional<TlsFiles> reload = std::nullopt;   // empty: `tls` is all there ever is
  std::shared_ptr<const DenyList> deny = nullptr;  // who is refused, now and on open streams
  IdentityOffice* office = nullptr;                // null: no Enroll and no Tenancy
  RecordBackend* records = nullptr;                // null: Approve and Record are refused
  std::filesystem::path releases = {};  // rollout folder that clients are served from; empty: none
  RpcObserver* observer = nullptr;      // may be null
  CallAnswered answered = nullptr;      // told of operators' calls; may be empty
  bool standby = false;                 // health says NOT_SERVING from the beginning
};

// Owns the listening socket and gRPC's threads. The back ends must outlive it.
class RpcServer {
 public:
  // Listens when it returns. Unavailable: the address is taken. InvalidArgument: the identity is
  // not a coordinator's.
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(const RpcServerConfig& config,
                                                          RoundsBackend& rounds,
                                                          AdminBackend& admin);
  virtual ~RpcServer() = default;  // as Shutdown(0)
  virtual int port() const = 0;
  // NOT_SERVING, no new calls, at most `grace` for those that run, then they are cancelled. Every
  // OnDisconnected has been called when it returns. Call once, from a thread that no backend call
  // waits for.
  virtual void Shutdown(std::chrono::milliseconds grace) = 0;
};

}  // namespace veilsum::coordinator
