// The RPCs of clients about releases: files of one folder, and reports into it.
#pragma once

#include <filesystem>

#include "coordinator/rpc/peer_identity.h"
#include "coordinator/rpc/rpc_server.h"
#include "coordinator/rpc/worker_thread.h"
#include "veilsum/rollout/v1/rollout.grpc.pb.h"

namespace veilsum::coordinator {

class UpdatesService final : public rollout::v1::Updates::CallbackService {
 public:
  // `folder`: of a rollout (docs/rollout.md); empty: every call is refused. A standby refuses as
  // what another coordinator may answer.
  UpdatesService(std::filesystem::path folder, bool standby, std::shared_ptr<const PeerGate> gate,
                 const RpcLimits& limits)
      : folder_(std::move(folder)), standby_(standby), gate_(std::move(gate)), limits_(limits) {}

  grpc::ServerWriteReactor<rollout::v1::FilePart>* FetchFile(
      grpc::CallbackServerContext* context, const rollout::v1::FetchFileRequest* request) override;
  grpc::ServerUnaryReactor* Report(grpc::CallbackServerContext* context,
                                   const rollout::v1::ReportRequest* request,
                                   rollout::v1::ReportResponse* response) override;

 private:
  // The file that the caller may have. NotFound says no more than that it may not.
  absl::StatusOr<std::filesystem::path> FileFor(const SpiffeId& caller,
                                                const std::string& path) const;
  absl::Status CheckServes(const SpiffeId& caller) const;
  const std::filesystem::path folder_;
  const bool standby_;
  const std::shared_ptr<const PeerGate> gate_;
  const RpcLimits limits_;
  WorkerThread worker_;  // a report waits for the disk
};

}  // namespace veilsum::coordinator
