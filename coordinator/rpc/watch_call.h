// One operator watching a run. A slow reader misses intermediate states, never the last one.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>
#include <mutex>

#include "coordinator/rpc/rpc_server.h"

namespace veilsum::coordinator {

class WatchCall final : public grpc::ServerWriteReactor<admin::v1::RunProgress>,
                        public std::enable_shared_from_this<WatchCall> {
 public:
  using Ended = std::function<void(WatchCall*)>;
  explicit WatchCall(Ended ended) : ended_call_(std::move(ended)) {}
  void Begin(AdminBackend& backend,
             const std::string& run_id);  // once, right after construction by make_shared
  void Close(const absl::Status& reason);

  void OnWriteDone(bool ok) override;
  void OnCancel() override { Close(Unavailable("the watcher is gone")); }
  void OnDone() override;

 private:
  void OnProgress(const admin::v1::RunProgress& progress, bool ended);
  void AdvanceLocked();

  const Ended ended_call_;
  std::shared_ptr<WatchCall> self_;
  std::mutex mutex_;
  std::function<void()> unwatch_;
  bool unwatched_ = false;  // OnDone was here: Begin, if it is still at it, calls its own
  std::deque<admin::v1::RunProgress> queue_;
  admin::v1::RunProgress outgoing_;
  bool writing_ = false, closed_ = false, finished_ = false;
  absl::Status reason_;
};

}  // namespace veilsum::coordinator
