#include "coordinator/authz/permissions.h"

#include <map>

namespace veilsum::coordinator {
namespace {

using enum SpiffeRole;

const std::set<SpiffeRole> kEverybody = {kClient,         kCoordinator, kOperator,
                                         kTenantOperator, kAuditor,     kWitness};

const std::map<std::string_view, Permission>& Table() {
  static const auto* const table = new std::map<std::string_view, Permission>{
      {"/veilsum.coordinator.v1.Rounds/Participate", {{kClient}}},
      {"/veilsum.coordinator.v1.Rounds/Upload", {{kClient}}},
      {"/veilsum.coordinator.v1.Rounds/FetchModel", {{kClient}}},

      {"/veilsum.rollout.v1.Updates/FetchFile", {{kClient}}},
      {"/veilsum.rollout.v1.Updates/Report", {{kClient}}},

      {"/veilsum.admin.v1.Admin/StartRun", {{kOperator}}},
      {"/veilsum.admin.v1.Admin/WatchRun", {{kOperator}}},
      {"/veilsum.admin.v1.Admin/StopRun", {{kOperator}}},
      {"/veilsum.admin.v1.Admin/GetModel", {{kOperator}}},
      {"/veilsum.admin.v1.Admin/GetRun", {{kOperator}}},
      {"/veilsum.admin.v1.Admin/Approve", {{kOperator}}},
      {"/veilsum.admin.v1.Admin/Record", {{kOperator}}},

      {"/veilsum.tenancy.v1.Tenancy/CreateTenant", {{kOperator}}},
      {"/veilsum.tenancy.v1.Tenancy/ListTenants", {{kOperator}}},
      {"/veilsum.tenancy.v1.Tenancy/RevokeTenant", {{kOperator}}},
      {"/veilsum.tenancy.v1.Tenancy/CreateJoinToken", {{kOperator, kTenantOperator}}},
      {"/veilsum.tenancy.v1.Tenancy/RevokeClient", {{kOperator, kTenantOperator}}},
      {"/veilsum.tenancy.v1.Tenancy/ListClients", {{kTenantOperator}}},

      {"/veilsum.enroll.v1.Enroll/Redeem", {{}, /*anonymous=*/true}},
      {"/veilsum.enroll.v1.Enroll/Renew", {{kClient, kOperator, kTenantOperator}}},

      {"/grpc.health.v1.Health/Check", {kEverybody}},
      {"/grpc.health.v1.Health/Watch", {kEverybody}},
  };
  return *table;
}

}  // namespace

const Permission* FindPermission(std::string_view path) {
  const auto found = Table().find(path);
  return found == Table().end() ? nullptr : &found->second;
}

absl::Status CheckPermission(std::string_view path, SpiffeRole role) {
  const Permission* permission = FindPermission(path);
  if (permission == nullptr) return PermissionDenied("nobody may call this");
  if (permission->roles.contains(role)) return absl::OkStatus();
  std::string wanted;
  for (const SpiffeRole one : permission->roles)
    absl::StrAppendFormat(&wanted, "%s%s", wanted.empty() ? "" : " or ", RoleName(one));
  return PermissionDenied("this call is for the role %s, yours is %s",
                          wanted.empty() ? "of nobody with a certificate" : wanted, RoleName(role));
}

}  // namespace veilsum::coordinator
