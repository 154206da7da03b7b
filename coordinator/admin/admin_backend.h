// What the operators' RPCs need of the coordinator. No gRPC here.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "veilsum/admin/v1/admin.pb.h"

namespace veilsum::coordinator {

class AdminBackend {
 public:
  virtual ~AdminBackend() = default;
  virtual absl::StatusOr<admin::v1::StartRunResponse> StartRun(
      const admin::v1::StartRunRequest& request) = 0;
  virtual absl::Status StopRun(const std::string& run_id, const std::string& reason) = 0;
  // The present state at once, then every change, from any thread, until it has been called with
  // ended = true or the returned function has been called. NotFound: no such run.
  using Listener = std::function<void(const admin::v1::RunProgress& progress, bool ended)>;
  virtual absl::StatusOr<std::function<void()>> Watch(const std::string& run_id,
                                                      Listener listener) = 0;
  // An empty hash: the latest.
  virtual absl::StatusOr<std::shared_ptr<const Bytes>> Model(const std::string& run_id,
                                                             ByteView model_hash) = 0;
  // NotFound: there never was such a run.
  virtual absl::StatusOr<admin::v1::GetRunResponse> GetRun(const std::string& run_id) = 0;
};

}  // namespace veilsum::coordinator
