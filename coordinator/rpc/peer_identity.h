// Who calls: the SPIFFE id of the verified TLS leaf, and nothing that a message says (SA-38).
#pragma once

#include <grpcpp/security/auth_context.h>

#include <memory>

#include "base/pki/credentials.h"

namespace veilsum::coordinator {

class PeerGate {
 public:
  explicit PeerGate(std::shared_ptr<const TlsIdentity> own) : own_(std::move(own)) {}
  // The peer, when its leaf verifies now (a long connection may outlive it), has exactly one URI SAN, is of our trust
  // domain and has `role`. Unauthenticated or PermissionDenied otherwise. Thread-safe.
  absl::StatusOr<SpiffeId> Admit(const grpc::AuthContext* context, SpiffeRole role) const;
  // The same rules for a leaf that a handshake shows, whatever its role.
  absl::StatusOr<SpiffeId> Verify(std::string_view leaf_pem) const;

 private:
  std::shared_ptr<const TlsIdentity> own_;
};

}  // namespace veilsum::coordinator
