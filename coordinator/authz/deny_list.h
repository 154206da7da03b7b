// Who is not let in although the certificate verifies: revoked serials, keys, names and tenants,
// tenants that nobody has created, and the operator's file of fingerprints. In memory, because
// every call and every open stream is checked; coordinator/identity keeps what must last.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/pki/revocation_list.h"
#include "coordinator/authz/principal.h"

namespace veilsum::coordinator {

enum class DeniedKind { kSerial, kKey, kName, kTenant };  // kKey: hex; kName: a SPIFFE id

// Thread-safe.
class DenyList {
 public:
  // `file` may be null.
  explicit DenyList(std::shared_ptr<RevocationList> file = nullptr) : file_(std::move(file)) {}

  void Deny(DeniedKind kind, std::string value);
  // From now on a tenant that was not admitted is denied; without it any is let in.
  void RequireAdmission();
  void AdmitTenant(std::string tenant);

  // Unauthenticated: revoked, or of no tenant of ours; the message names no cause but "revoked".
  absl::Status Check(const Principal& principal) const;
  // The same for somebody who has no certificate yet.
  absl::Status CheckName(const SpiffeId& id, const Hash32& key) const;

 private:
  absl::Status CheckLocked(const SpiffeId& id, const std::string& key) const;
  const std::shared_ptr<RevocationList> file_;
  mutable std::mutex mutex_;
  std::set<std::pair<DeniedKind, std::string>> denied_;
  bool admission_ = false;
  std::set<std::string> tenants_;
};

}  // namespace veilsum::coordinator
