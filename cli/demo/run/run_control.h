// What the demo asks of a coordinator, so that a run can be followed in tests without one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "veilsum/admin/v1/admin.pb.h"

namespace veilsum::cli {

// Start, Watch, Model and Stop block and may be called from different threads.
class RunControl {
 public:
  virtual ~RunControl() = default;
  virtual absl::StatusOr<admin::v1::StartRunResponse> Start(
      const admin::v1::StartRunRequest& request) = 0;
  // Calls `on_progress` until the run has ended (OK) or it returns false (Cancelled). A coordinator
  // that dies and comes back in between goes unnoticed; Unavailable when it does not come back in
  // time.
  virtual absl::Status Watch(
      const std::string& run_id,
      const std::function<bool(const admin::v1::RunProgress&)>& on_progress) = 0;
  // An empty hash: the latest.
  virtual absl::StatusOr<Bytes> Model(const std::string& run_id, ByteView model_hash) = 0;
  virtual absl::Status Stop(const std::string& run_id, const std::string& reason) = 0;
  // From any thread: whatever waits returns Unavailable soon, and so does every later call but
  // Stop.
  virtual void Interrupt() = 0;
};

}  // namespace veilsum::cli
