// The one table of who may call which RPC. What is not in it is refused: an RPC that is added
// without a row cannot be called by anybody, and the matrix test says so.
#pragma once

#include <set>
#include <string_view>

#include "base/pki/spiffe_id.h"

namespace veilsum::coordinator {

struct Permission {
  std::set<SpiffeRole> roles;
  bool anonymous = false;  // callable without a certificate, on the enrolment port alone
};

// `path` as gRPC writes it: "/veilsum.admin.v1.Admin/StartRun". Null: nobody may.
const Permission* FindPermission(std::string_view path);

// PermissionDenied unless the role may call it; says no more than the caller already knows.
absl::Status CheckPermission(std::string_view path, SpiffeRole role);

}  // namespace veilsum::coordinator
