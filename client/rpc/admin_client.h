// What the `veilsum` binary calls at a coordinator: the operators' RPCs, blocking.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "client/rpc/grpc_coordinator_link.h"
#include "veilsum/admin/v1/admin.pb.h"

namespace veilsum::client {

class AdminClient {
 public:
  // The leaf in `config.tls` must have the role operator. Unavailable: as ConnectToCoordinator.
  static absl::StatusOr<std::unique_ptr<AdminClient>> Connect(const LinkConfig& config);
  virtual ~AdminClient() = default;

  virtual absl::StatusOr<admin::v1::StartRunResponse> StartRun(
      const admin::v1::StartRunRequest& request) = 0;
  virtual absl::Status StopRun(const std::string& run_id, const std::string& reason) = 0;
  // Calls `on_progress` for every message, on the calling thread, until the run ends (OK) or it
  // returns false (Cancelled), or the connection breaks (Unavailable: connect again and watch
  // again).
  virtual absl::Status WatchRun(
      const std::string& run_id,
      const std::function<bool(const admin::v1::RunProgress&)>& on_progress) = 0;
  // An empty hash: the latest. ResourceExhausted: larger than `limit` bytes.
  virtual absl::StatusOr<Bytes> GetModel(const std::string& run_id, ByteView model_hash,
                                         std::size_t limit) = 0;
  // NotFound: there never was such a run.
  virtual absl::StatusOr<admin::v1::GetRunResponse> GetRun(const std::string& run_id) = 0;
  virtual absl::StatusOr<admin::v1::ApproveResponse> Approve(
      const admin::v1::ApproveRequest& request) = 0;
  virtual absl::StatusOr<admin::v1::RecordResponse> Record(
      const admin::v1::RecordRequest& request) = 0;
  virtual void Close() = 0;  // from any thread: every call that waits returns Unavailable
};

}  // namespace veilsum::client
