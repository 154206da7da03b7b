// The RPCs of clients: translate, delegate, translate.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>

#include "coordinator/rpc/buffer_pool.h"
#include "coordinator/rpc/participate_call.h"
#include "coordinator/rpc/peer_identity.h"
#include "coordinator/rpc/upload_admission.h"
#include "veilsum/coordinator/v1/rounds.grpc.pb.h"

namespace veilsum::coordinator {

// Upload and FetchModel carry the long vectors: their messages are read and written as they are on
// the wire.
using RoundsCalls =
    v1::Rounds::WithCallbackMethod_Participate<v1::Rounds::WithRawCallbackMethod_Upload<
        v1::Rounds::WithRawCallbackMethod_FetchModel<v1::Rounds::Service>>>;

class RoundsService final : public RoundsCalls {
 public:
  RoundsService(RoundsBackend& rounds, std::shared_ptr<const PeerGate> gate,
                const RpcLimits& limits, RpcObserver* observer = nullptr)
      : rounds_(rounds),
        gate_(std::move(gate)),
        limits_(limits),
        observer_(observer),
        admission_(limits.uploads_admitted),
        buffers_(std::make_shared<BufferPool>(limits.uploads_admitted)) {}

  grpc::ServerBidiReactor<v1::ClientMessage, v1::ServerMessage>* Participate(
      grpc::CallbackServerContext* context) override;
  grpc::ServerReadReactor<grpc::ByteBuffer>* Upload(grpc::CallbackServerContext* context,
                                                    grpc::ByteBuffer* receipt) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* FetchModel(grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* request) override;

  void CloseAll(const absl::Status&
                    reason);  // every open stream; streams that come later are refused with it
  void WaitUntilEmpty();      // until every stream's OnDisconnected has returned

 private:
  // A seat has one stream: a newer one closes the older, which may be the half of a broken
  // connection.
  absl::Status Register(const std::shared_ptr<ParticipateCall>& call);
  void Forget(ParticipateCall* call);

  RoundsBackend& rounds_;
  const std::shared_ptr<const PeerGate> gate_;
  const RpcLimits limits_;
  RpcObserver* const observer_;
  UploadAdmission admission_;
  const std::shared_ptr<BufferPool> buffers_;

  std::mutex mutex_;
  std::condition_variable empty_;
  std::map<ParticipateCall*, std::weak_ptr<ParticipateCall>> streams_;
  absl::Status refuse_;  // not OK once CloseAll was called
};

}  // namespace veilsum::coordinator
