// One masked vector on its way in: not read before it is admitted, never more bytes than the round
// expects (SA-20, SE-19).
#pragma once

#include <grpcpp/support/server_callback.h>

#include <memory>
#include <mutex>

#include "coordinator/rpc/buffer_pool.h"
#include "coordinator/rpc/call_deadline.h"
#include "coordinator/rpc/rpc_server.h"
#include "coordinator/rpc/upload_admission.h"

namespace veilsum::coordinator {

class UploadCall final : public grpc::ServerReadReactor<grpc::ByteBuffer>,
                         public std::enable_shared_from_this<UploadCall> {
 public:
  UploadCall(grpc::CallbackServerContext* context, std::string seat, RoundsBackend& rounds,
             UploadAdmission& admission, std::shared_ptr<BufferPool> buffers,
             const RpcLimits& limits);
  ~UploadCall() override { buffers_->Give(std::move(words_)); }
  void Begin();  // waits for admission. Once, right after construction by make_shared

  void OnReadDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  enum class Stage { kWaiting, kReading, kDelivered, kFinished };
  void Admitted();
  absl::Status TakeFrame();  // adds frame_ to words_ or says why not
  void Deliver();            // hands the complete vector over
  void End(const absl::Status& status);

  const std::string seat_;
  RoundsBackend& rounds_;
  UploadAdmission& admission_;
  const std::shared_ptr<BufferPool> buffers_;
  const RpcLimits limits_;
  CallDeadline deadline_;
  std::shared_ptr<UploadCall> self_;  // held for gRPC until OnDone
  bool entered_ = true;               // false: refused a ticket; set before anything else runs
  // Of the reading thread alone:
  grpc::ByteBuffer frame_;
  bool first_ = true;
  std::uint64_t round_ = 0;
  std::size_t received_ = 0;  // bytes of words_
  Bytes words_;               // as long as the round expects; the backend reads it once delivered

  std::mutex mutex_;
  Stage stage_ = Stage::kWaiting;  // behind mutex_
};

}  // namespace veilsum::coordinator
