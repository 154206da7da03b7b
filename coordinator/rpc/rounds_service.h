// The RPCs of clients: translate, delegate, translate.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>

#include "coordinator/rpc/participate_call.h"
#include "coordinator/rpc/peer_identity.h"
#include "coordinator/rpc/upload_admission.h"
#include "veilsum/coordinator/v1/rounds.grpc.pb.h"

namespace veilsum::coordinator {

class RoundsService final : public v1::Rounds::CallbackService {
 public:
  RoundsService(RoundsBackend& rounds, std::shared_ptr<const PeerGate> gate,
                const RpcLimits& limits)
      : rounds_(rounds),
        gate_(std::move(gate)),
        limits_(limits),
        admission_(limits.uploads_admitted) {}

  grpc::ServerBidiReactor<v1::ClientMessage, v1::ServerMessage>* Participate(
      grpc::CallbackServerContext* context) override;
  grpc::ServerReadReactor<secagg::v1::UploadFrame>* Upload(
      grpc::CallbackServerContext* context, secagg::v1::UploadReceipt* receipt) override;
  grpc::ServerWriteReactor<v1::ModelFrame>* FetchModel(
      grpc::CallbackServerContext* context, const v1::FetchModelRequest* request) override;

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
  UploadAdmission admission_;

  std::mutex mutex_;
  std::condition_variable empty_;
  std::map<ParticipateCall*, std::weak_ptr<ParticipateCall>> streams_;
  absl::Status refuse_;  // not OK once CloseAll was called
};

}  // namespace veilsum::coordinator
