// Who calls: the SPIFFE id of the verified TLS leaf, and nothing that a message says (SA-38).
#pragma once

#include <grpcpp/security/auth_context.h>

#include <map>
#include <memory>
#include <mutex>

#include "base/pki/credentials.h"
#include "coordinator/authz/deny_list.h"

namespace veilsum::coordinator {

class PeerGate {
 public:
  // `deny` may be null: then nobody is revoked.
  explicit PeerGate(std::shared_ptr<const TlsIdentity> own,
                    std::shared_ptr<const DenyList> deny = nullptr)
      : own_(std::move(own)), deny_(std::move(deny)) {}
  // The peer, when its leaf verifies now (a long connection may outlive it), has exactly one URI
  // SAN, is of our trust domain, is not denied and has `role`. Unauthenticated or PermissionDenied
  // otherwise. Thread-safe, as are the others.
  absl::StatusOr<SpiffeId> Admit(const grpc::AuthContext* context, SpiffeRole role) const;
  // The same, whatever its role.
  absl::StatusOr<Principal> Identify(const grpc::AuthContext* context) const;
  // The same rules for a leaf that a handshake shows, with the certificates that came along. A
  // chain's signatures are checked once, its dates every time: a signature check costs more than
  // all else that a call does.
  absl::StatusOr<Principal> Verify(std::string_view leaf_pem, std::string_view chain_pem) const;
  // The latest end of any leaf that this party has shown: a stream that was opened with an older
  // one lives on, because its holder has been seen to have renewed it.
  WallTime LatestEnd(const Principal& principal) const;
  absl::Status CheckDenied(const Principal& principal) const;

 private:
  std::shared_ptr<const TlsIdentity> own_;
  std::shared_ptr<const DenyList> deny_;
  mutable std::mutex mutex_;
  // Chains that verified, by SHA-256 of the leaf's PEM; at most kMaxKnown.
  mutable std::map<Hash32, Principal> known_;
  mutable std::map<std::string, WallTime> latest_;  // by SPIFFE id; at most kMaxKnown
};

}  // namespace veilsum::coordinator
