// A unary call that the identity office answers: off the RPC thread, because it waits for the disk.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <utility>

#include "coordinator/rpc/peer_identity.h"
#include "coordinator/rpc/status_map.h"
#include "coordinator/rpc/worker_thread.h"

namespace veilsum::coordinator {

// Runs `answer(principal)`, which returns a Status, for the caller that `gate` identifies.
template <class Answer>
grpc::ServerUnaryReactor* OfficeCall(grpc::CallbackServerContext* context, const PeerGate& gate,
                                     WorkerThread& worker, Answer answer) {
  grpc::ServerUnaryReactor* call = context->DefaultReactor();
  auto caller = gate.Identify(context->auth_context().get());
  if (!caller.ok()) {
    call->Finish(ToGrpc(caller.status()));
    return call;
  }
  worker.Post([call, caller = *std::move(caller), answer = std::move(answer)] {
    call->Finish(ToGrpc(answer(caller)));
  });
  return call;
}

// Fills `out` from `result`.
template <class Message>
absl::Status Take(absl::StatusOr<Message> result, Message* out) {
  if (!result.ok()) return result.status();
  *out = *std::move(result);
  return absl::OkStatus();
}

}  // namespace veilsum::coordinator
