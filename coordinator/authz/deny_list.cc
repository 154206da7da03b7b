#include "coordinator/authz/deny_list.h"

namespace veilsum::coordinator {

void DenyList::Deny(DeniedKind kind, std::string value) {
  const std::lock_guard lock(mutex_);
  denied_.emplace(kind, std::move(value));
}

void DenyList::RequireAdmission() {
  const std::lock_guard lock(mutex_);
  admission_ = true;
}

void DenyList::AdmitTenant(std::string tenant) {
  const std::lock_guard lock(mutex_);
  tenants_.insert(std::move(tenant));
}

absl::Status DenyList::CheckLocked(const SpiffeId& id, const std::string& key) const {
  const bool revoked =
      denied_.contains({DeniedKind::kKey, key}) ||
      denied_.contains({DeniedKind::kName, id.ToString()}) ||
      (!id.tenant().empty() && denied_.contains({DeniedKind::kTenant, id.tenant()}));
  if (revoked) return Unauthenticated("revoked");
  if (admission_ && !id.tenant().empty() && !tenants_.contains(id.tenant()))
    return Unauthenticated("no tenant of this federation");
  return absl::OkStatus();
}

absl::Status DenyList::Check(const Principal& principal) const {
  if (file_ != nullptr) VEILSUM_RETURN_IF_ERROR(file_->Check(principal.fingerprint));
  const std::lock_guard lock(mutex_);
  if (denied_.contains({DeniedKind::kSerial, principal.serial})) return Unauthenticated("revoked");
  return CheckLocked(principal.id, HexEncode(principal.key));
}

absl::Status DenyList::CheckName(const SpiffeId& id, const Hash32& key) const {
  const std::lock_guard lock(mutex_);
  return CheckLocked(id, HexEncode(key));
}

}  // namespace veilsum::coordinator
