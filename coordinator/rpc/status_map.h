// The one map between absl::Status and grpc::Status. Codes are the same numbers in both.
#pragma once

#include <grpcpp/support/status.h>

#include "base/status.h"

namespace veilsum::coordinator {

// What a peer may see: the message of errors that it can act on; our own failures (Internal,
// DataLoss, Unknown) leave only their code, the text stays here.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace veilsum::coordinator
