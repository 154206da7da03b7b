// The RPCs of operators.
#pragma once

#include <map>
#include <mutex>

#include "coordinator/admin/record_backend.h"
#include "coordinator/rpc/peer_identity.h"
#include "coordinator/rpc/rpc_server.h"
#include "coordinator/rpc/worker_thread.h"
#include "veilsum/admin/v1/admin.grpc.pb.h"

namespace veilsum::coordinator {

class WatchCall;

class AdminService final : public admin::v1::Admin::CallbackService {
 public:
  // `records` may be null: there is no ledger to write into.
  AdminService(AdminBackend& backend, RecordBackend* records, std::shared_ptr<const PeerGate> gate,
               const RpcLimits& limits)
      : backend_(backend), records_(records), gate_(std::move(gate)), limits_(limits) {}

  grpc::ServerUnaryReactor* StartRun(grpc::CallbackServerContext* context,
                                     const admin::v1::StartRunRequest* request,
                                     admin::v1::StartRunResponse* response) override;
  grpc::ServerUnaryReactor* StopRun(grpc::CallbackServerContext* context,
                                    const admin::v1::StopRunRequest* request,
                                    admin::v1::StopRunResponse* response) override;
  grpc::ServerWriteReactor<admin::v1::RunProgress>* WatchRun(
      grpc::CallbackServerContext* context, const admin::v1::WatchRunRequest* request) override;
  grpc::ServerWriteReactor<admin::v1::ModelPart>* GetModel(
      grpc::CallbackServerContext* context, const admin::v1::GetModelRequest* request) override;
  grpc::ServerUnaryReactor* GetRun(grpc::CallbackServerContext* context,
                                   const admin::v1::GetRunRequest* request,
                                   admin::v1::GetRunResponse* response) override;
  grpc::ServerUnaryReactor* Approve(grpc::CallbackServerContext* context,
                                    const admin::v1::ApproveRequest* request,
                                    admin::v1::ApproveResponse* response) override;
  grpc::ServerUnaryReactor* Record(grpc::CallbackServerContext* context,
                                   const admin::v1::RecordRequest* request,
                                   admin::v1::RecordResponse* response) override;
  void CloseAll(const absl::Status& reason);  // every watcher

 private:
  // Runs `answer(records, caller)` on the worker.
  template <class Response, class Answer>
  grpc::ServerUnaryReactor* OfRecords(grpc::CallbackServerContext* context, Response* response,
                                      Answer answer);

  AdminBackend& backend_;
  RecordBackend* const records_;
  const std::shared_ptr<const PeerGate> gate_;
  const RpcLimits limits_;
  std::mutex mutex_;
  std::map<WatchCall*, std::weak_ptr<WatchCall>> watchers_;
  WorkerThread worker_;  // StartRun checks a noise calibration, which takes longer than an RPC
                         // thread may be held
};

}  // namespace veilsum::coordinator
