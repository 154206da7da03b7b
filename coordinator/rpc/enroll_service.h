// The RPCs of nodes that want certificates: translate, delegate, translate.
#pragma once

#include "coordinator/identity/identity_office.h"
#include "coordinator/rpc/peer_identity.h"
#include "coordinator/rpc/redeem_pace.h"
#include "coordinator/rpc/worker_thread.h"
#include "veilsum/enroll/v1/enroll.grpc.pb.h"

namespace veilsum::coordinator {

class EnrollService final : public enroll::v1::Enroll::CallbackService {
 public:
  EnrollService(IdentityOffice& office, std::shared_ptr<const PeerGate> gate)
      : office_(office), gate_(std::move(gate)) {}

  // ResourceExhausted: one attempt a second from one address.
  grpc::ServerUnaryReactor* Redeem(grpc::CallbackServerContext* context,
                                   const enroll::v1::RedeemRequest* request,
                                   enroll::v1::Certificates* response) override;
  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* context,
                                  const enroll::v1::RenewRequest* request,
                                  enroll::v1::Certificates* response) override;

 private:
  IdentityOffice& office_;
  const std::shared_ptr<const PeerGate> gate_;
  RedeemPace pace_;
  WorkerThread worker_;
};

}  // namespace veilsum::coordinator
