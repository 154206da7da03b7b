#include "coordinator/rpc/enroll_service.h"

#include "coordinator/rpc/office_call.h"

namespace veilsum::coordinator {

grpc::ServerUnaryReactor* EnrollService::Redeem(grpc::CallbackServerContext* context,
                                                const enroll::v1::RedeemRequest* request,
                                                enroll::v1::Certificates* response) {
  grpc::ServerUnaryReactor* call = context->DefaultReactor();
  if (!pace_.MayTry(context->peer(), std::chrono::steady_clock::now())) {
    call->Finish(ToGrpc(ResourceExhausted("one attempt a second: try again")));
    return call;
  }
  worker_.Post([this, call, request, response] {
    call->Finish(ToGrpc(Take(office_.Redeem(*request), response)));
  });
  return call;
}

grpc::ServerUnaryReactor* EnrollService::Renew(grpc::CallbackServerContext* context,
                                               const enroll::v1::RenewRequest* request,
                                               enroll::v1::Certificates* response) {
  return OfficeCall(context, *gate_, worker_, [this, request, response](const Principal& caller) {
    return Take(office_.Renew(caller, *request), response);
  });
}

}  // namespace veilsum::coordinator
