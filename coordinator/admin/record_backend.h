// What operators tell the ledger of a trained model, from outside its run. No gRPC here.
#pragma once

#include "base/pki/spiffe_id.h"
#include "base/status.h"
#include "veilsum/admin/v1/admin.pb.h"

namespace veilsum::coordinator {

// `caller`: the operator, as its certificate says. Called from one thread at a time; may wait for
// the disk.
class RecordBackend {
 public:
  virtual ~RecordBackend() = default;
  // FailedPrecondition: no such release is published, or it is revoked.
  virtual absl::StatusOr<admin::v1::ApproveResponse> Approve(
      const SpiffeId& caller, const admin::v1::ApproveRequest& request) = 0;
  // InvalidArgument: a field; FailedPrecondition with a finding's code: the ledger's rules.
  virtual absl::StatusOr<admin::v1::RecordResponse> Record(
      const SpiffeId& caller, const admin::v1::RecordRequest& request) = 0;
};

}  // namespace veilsum::coordinator
