#include "client/rpc/admin_client.h"

#include <algorithm>

#include "client/rpc/open_calls.h"
#include "client/rpc/secure_channel.h"
#include "veilsum/admin/v1/admin.grpc.pb.h"

namespace veilsum::client {
namespace {

// The coordinator calibrates the noise before it answers: seconds, minutes where it has to share.
constexpr std::chrono::minutes kStartPatience{10};

class GrpcAdminClient final : public AdminClient {
 public:
  GrpcAdminClient(LinkConfig config, std::shared_ptr<grpc::Channel> channel)
      : config_(std::move(config)), stub_(std::move(channel)) {}

  absl::StatusOr<admin::v1::StartRunResponse> StartRun(
      const admin::v1::StartRunRequest& request) override {
    OpenCall call(calls_,
                  std::max<std::chrono::milliseconds>(config_.transfer_timeout, kStartPatience));
    admin::v1::StartRunResponse response;
    VEILSUM_RETURN_IF_ERROR(FromGrpc(stub_.StartRun(call.context(), request, &response)));
    return response;
  }

  absl::Status StopRun(const std::string& run_id, const std::string& reason) override {
    OpenCall call(calls_, config_.transfer_timeout);
    admin::v1::StopRunRequest request;
    request.set_run_id(run_id);
    request.set_reason(reason);
    admin::v1::StopRunResponse response;
    return FromGrpc(stub_.StopRun(call.context(), request, &response));
  }

  absl::Status WatchRun(
      const std::string& run_id,
      const std::function<bool(const admin::v1::RunProgress&)>& on_progress) override {
    OpenCall call(calls_);  // no deadline: a run takes as long as it takes
    admin::v1::WatchRunRequest request;
    request.set_run_id(run_id);
    const auto reader = stub_.WatchRun(call.context(), request);
    admin::v1::RunProgress progress;
    bool enough = false;
    while (!enough && reader->Read(&progress)) enough = !on_progress(progress);
    if (enough) call.context()->TryCancel();
    const grpc::Status status = reader->Finish();
    if (enough) return absl::CancelledError("the watcher wants no more");
    return FromGrpc(status);
  }

  absl::StatusOr<Bytes> GetModel(const std::string& run_id, ByteView model_hash,
                                 std::size_t limit) override {
    OpenCall call(calls_, config_.transfer_timeout);
    admin::v1::GetModelRequest request;
    request.set_run_id(run_id);
    request.set_model_hash(model_hash.data(), model_hash.size());
    const auto reader = stub_.GetModel(call.context(), request);
    admin::v1::ModelPart part;
    Bytes model;
    const bool within = GatherFrames(*reader, part, limit, model);
    if (!within) call.context()->TryCancel();
    const grpc::Status status = reader->Finish();
    if (!within) return ResourceExhausted("the model has more than %d bytes", limit);
    VEILSUM_RETURN_IF_ERROR(FromGrpc(status));
    return model;
  }

  absl::StatusOr<admin::v1::GetRunResponse> GetRun(const std::string& run_id) override {
    OpenCall call(calls_, config_.transfer_timeout);
    admin::v1::GetRunRequest request;
    request.set_run_id(run_id);
    admin::v1::GetRunResponse response;
    VEILSUM_RETURN_IF_ERROR(FromGrpc(stub_.GetRun(call.context(), request, &response)));
    return response;
  }

  absl::StatusOr<admin::v1::ApproveResponse> Approve(
      const admin::v1::ApproveRequest& request) override {
    OpenCall call(calls_, config_.transfer_timeout);
    admin::v1::ApproveResponse response;
    VEILSUM_RETURN_IF_ERROR(FromGrpc(stub_.Approve(call.context(), request, &response)));
    return response;
  }

  absl::StatusOr<admin::v1::RecordResponse> Record(
      const admin::v1::RecordRequest& request) override {
    OpenCall call(calls_, config_.transfer_timeout);
    admin::v1::RecordResponse response;
    VEILSUM_RETURN_IF_ERROR(FromGrpc(stub_.Record(call.context(), request, &response)));
    return response;
  }

  void Close() override { calls_.CancelAll(); }

 private:
  const LinkConfig config_;
  admin::v1::Admin::Stub stub_;
  OpenCalls calls_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<AdminClient>> AdminClient::Connect(const LinkConfig& config) {
  VEILSUM_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, OpenSecureChannel(config));
  return std::make_unique<GrpcAdminClient>(config, std::move(channel));
}

}  // namespace veilsum::client
