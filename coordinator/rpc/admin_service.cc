#include "coordinator/rpc/admin_service.h"

#include "coordinator/rpc/finished_calls.h"
#include "coordinator/rpc/office_call.h"
#include "coordinator/rpc/watch_call.h"

namespace veilsum::coordinator {

grpc::ServerUnaryReactor* AdminService::StartRun(grpc::CallbackServerContext* context,
                                                 const admin::v1::StartRunRequest* request,
                                                 admin::v1::StartRunResponse* response) {
  grpc::ServerUnaryReactor* call = context->DefaultReactor();
  const auto peer = gate_->Admit(context->auth_context().get(), SpiffeRole::kOperator);
  if (!peer.ok()) {
    call->Finish(ToGrpc(peer.status()));
    return call;
  }
  worker_.Post([this, call, request, response] {
    auto started = backend_.StartRun(*request);
    if (started.ok()) *response = *std::move(started);
    call->Finish(ToGrpc(started.status()));
  });
  return call;
}

grpc::ServerUnaryReactor* AdminService::StopRun(grpc::CallbackServerContext* context,
                                                const admin::v1::StopRunRequest* request,
                                                admin::v1::StopRunResponse*) {
  grpc::ServerUnaryReactor* call = context->DefaultReactor();
  const auto peer = gate_->Admit(context->auth_context().get(), SpiffeRole::kOperator);
  if (!peer.ok()) {
    call->Finish(ToGrpc(peer.status()));
    return call;
  }
  worker_.Post([this, call, request] {
    call->Finish(ToGrpc(backend_.StopRun(request->run_id(), request->reason())));
  });
  return call;
}

grpc::ServerWriteReactor<admin::v1::RunProgress>* AdminService::WatchRun(
    grpc::CallbackServerContext* context, const admin::v1::WatchRunRequest* request) {
  const auto peer = gate_->Admit(context->auth_context().get(), SpiffeRole::kOperator);
  if (!peer.ok())
    return new RefusedCall<grpc::ServerWriteReactor<admin::v1::RunProgress>>(peer.status());
  const auto call = std::make_shared<WatchCall>([this](WatchCall* ended) {
    const std::lock_guard lock(mutex_);
    watchers_.erase(ended);
  });
  {
    const std::lock_guard lock(mutex_);
    watchers_[call.get()] = call;
  }
  call->Begin(backend_, request->run_id());
  return call.get();  // it holds itself until OnDone
}

grpc::ServerWriteReactor<admin::v1::ModelPart>* AdminService::GetModel(
    grpc::CallbackServerContext* context, const admin::v1::GetModelRequest* request) {
  const auto model = [&]() -> absl::StatusOr<std::shared_ptr<const Bytes>> {
    VEILSUM_RETURN_IF_ERROR(
        gate_->Admit(context->auth_context().get(), SpiffeRole::kOperator).status());
    const ByteView hash = AsBytes(request->model_hash());
    if (!hash.empty()) VEILSUM_RETURN_IF_ERROR(ParseFixed<32>("model_hash", hash).status());
    return backend_.Model(request->run_id(), hash);
  }();
  if (!model.ok())
    return new RefusedCall<grpc::ServerWriteReactor<admin::v1::ModelPart>>(model.status());
  return new BytesCall<admin::v1::ModelPart>(context, *model, limits_.stream_deadline);
}

grpc::ServerUnaryReactor* AdminService::GetRun(grpc::CallbackServerContext* context,
                                               const admin::v1::GetRunRequest* request,
                                               admin::v1::GetRunResponse* response) {
  grpc::ServerUnaryReactor* call = context->DefaultReactor();
  const auto peer = gate_->Admit(context->auth_context().get(), SpiffeRole::kOperator);
  if (!peer.ok()) {
    call->Finish(ToGrpc(peer.status()));
    return call;
  }
  worker_.Post([this, call, request, response] {
    call->Finish(ToGrpc(Take(backend_.GetRun(request->run_id()), response)));
  });
  return call;
}

template <class Response, class Answer>
grpc::ServerUnaryReactor* AdminService::OfRecords(grpc::CallbackServerContext* context,
                                                  Response* response, Answer answer) {
  grpc::ServerUnaryReactor* call = context->DefaultReactor();
  auto peer = gate_->Admit(context->auth_context().get(), SpiffeRole::kOperator);
  absl::Status status = peer.status();
  if (status.ok() && records_ == nullptr)
    status = FailedPrecondition("this coordinator keeps no ledger");
  if (!status.ok()) {
    call->Finish(ToGrpc(status));
    return call;
  }
  worker_.Post([this, call, response, caller = *std::move(peer), answer = std::move(answer)] {
    call->Finish(ToGrpc(Take(answer(*records_, caller), response)));
  });
  return call;
}

grpc::ServerUnaryReactor* AdminService::Approve(grpc::CallbackServerContext* context,
                                                const admin::v1::ApproveRequest* request,
                                                admin::v1::ApproveResponse* response) {
  return OfRecords(context, response, [request](RecordBackend& records, const SpiffeId& caller) {
    return records.Approve(caller, *request);
  });
}

grpc::ServerUnaryReactor* AdminService::Record(grpc::CallbackServerContext* context,
                                               const admin::v1::RecordRequest* request,
                                               admin::v1::RecordResponse* response) {
  return OfRecords(context, response, [request](RecordBackend& records, const SpiffeId& caller) {
    return records.Record(caller, *request);
  });
}

void AdminService::CloseAll(const absl::Status& reason) {
  std::vector<std::shared_ptr<WatchCall>> open;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [pointer, weak] : watchers_)
      if (auto call = weak.lock()) open.push_back(std::move(call));
  }
  for (const auto& call : open) call->Close(reason);
}

}  // namespace veilsum::coordinator
