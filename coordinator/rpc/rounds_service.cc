#include "coordinator/rpc/rounds_service.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include "coordinator/rpc/finished_calls.h"
#include "coordinator/rpc/model_call.h"
#include "coordinator/rpc/upload_call.h"

namespace veilsum::coordinator {

grpc::ServerBidiReactor<v1::ClientMessage, v1::ServerMessage>* RoundsService::Participate(
    grpc::CallbackServerContext* context) {
  using Refused = RefusedCall<grpc::ServerBidiReactor<v1::ClientMessage, v1::ServerMessage>>;
  const auto peer = gate_->Admit(context->auth_context().get(), SpiffeRole::kClient);
  if (!peer.ok()) return new Refused(peer.status());
  auto call =
      std::make_shared<ParticipateCall>(context, peer->ToString(), rounds_, limits_, observer_,
                                        [this](ParticipateCall* ended) { Forget(ended); });
  if (const absl::Status status = Register(call); !status.ok()) return new Refused(status);
  call->Begin();
  return call.get();  // it holds itself until OnDone
}

grpc::ServerReadReactor<grpc::ByteBuffer>* RoundsService::Upload(
    grpc::CallbackServerContext* context, grpc::ByteBuffer* receipt) {
  const grpc::Slice empty;  // an UploadReceipt has no fields
  *receipt = grpc::ByteBuffer(&empty, 1);
  const auto peer = gate_->Admit(context->auth_context().get(), SpiffeRole::kClient);
  if (!peer.ok()) return new RefusedCall<grpc::ServerReadReactor<grpc::ByteBuffer>>(peer.status());
  const auto call = std::make_shared<UploadCall>(context, peer->ToString(), rounds_, admission_,
                                                 buffers_, limits_);
  call->Begin();
  return call.get();
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* RoundsService::FetchModel(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  const auto model = [&]() -> absl::StatusOr<std::shared_ptr<const Bytes>> {
    VEILSUM_ASSIGN_OR_RETURN(const SpiffeId peer,
                             gate_->Admit(context->auth_context().get(), SpiffeRole::kClient));
    grpc::ByteBuffer wire(*request);  // refers to the same bytes
    v1::FetchModelRequest wanted;
    if (!grpc::SerializationTraits<v1::FetchModelRequest>::Deserialize(&wire, &wanted).ok())
      return InvalidArgument("SA-37: not a FetchModelRequest");
    VEILSUM_ASSIGN_OR_RETURN(const Hash32 hash,
                             ParseFixed<32>("model_hash", std::string_view(wanted.model_hash())));
    return rounds_.ModelBytes(peer.ToString(), hash);
  }();
  if (!model.ok())
    return new RefusedCall<grpc::ServerWriteReactor<grpc::ByteBuffer>>(model.status());
  return new ModelCall(context, *model, limits_.stream_deadline);
}

absl::Status RoundsService::Register(const std::shared_ptr<ParticipateCall>& call) {
  std::vector<std::shared_ptr<ParticipateCall>> older;
  {
    const std::lock_guard lock(mutex_);
    VEILSUM_RETURN_IF_ERROR(refuse_);
    for (const auto& [pointer, weak] : streams_)
      if (auto stream = weak.lock(); stream && stream->seat() == call->seat())
        older.push_back(std::move(stream));
    streams_[call.get()] = call;
  }
  for (const auto& stream : older)
    stream->Close(Aborted("replaced by a newer stream of %s", call->seat()));
  return absl::OkStatus();
}

void RoundsService::Forget(ParticipateCall* call) {
  const std::lock_guard lock(mutex_);
  streams_.erase(call);
  empty_.notify_all();
}

void RoundsService::CloseAll(const absl::Status& reason) {
  std::vector<std::shared_ptr<ParticipateCall>> open;
  {
    const std::lock_guard lock(mutex_);
    refuse_ = reason;
    for (const auto& [pointer, weak] : streams_)
      if (auto stream = weak.lock()) open.push_back(std::move(stream));
  }
  for (const auto& stream : open) stream->Close(reason);
}

void RoundsService::WaitUntilEmpty() {
  std::unique_lock lock(mutex_);
  empty_.wait(lock, [this] { return streams_.empty(); });
}

}  // namespace veilsum::coordinator
