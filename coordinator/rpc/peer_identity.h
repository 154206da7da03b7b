// Who calls: the SPIFFE id of the verified TLS leaf, and nothing that a message says (SA-38).
#pragma once

#include <grpcpp/security/auth_context.h>

#include <map>
#include <memory>
#include <mutex>

#include "base/pki/credentials.h"

namespace veilsum::coordinator {

class PeerGate {
 public:
  explicit PeerGate(std::shared_ptr<const TlsIdentity> own) : own_(std::move(own)) {}
  // The peer, when its leaf verifies now (a long connection may outlive it), has exactly one URI
  // SAN, is of our trust domain and has `role`. Unauthenticated or PermissionDenied otherwise.
  // Thread-safe.
  absl::StatusOr<SpiffeId> Admit(const grpc::AuthContext* context, SpiffeRole role) const;
  // The same rules for a leaf that a handshake shows, whatever its role. A leaf's signature is
  // checked once, its dates every time: a signature check costs more than all else that a call
  // does.
  absl::StatusOr<SpiffeId> Verify(std::string_view leaf_pem) const;

 private:
  struct Known {
    SpiffeId id;
    WallTime not_before, not_after;
  };
  std::shared_ptr<const TlsIdentity> own_;
  mutable std::mutex mutex_;
  mutable std::map<Hash32, Known>
      known_;  // leaves that verified, by SHA-256 of their PEM; at most kMaxKnown
};

}  // namespace veilsum::coordinator
