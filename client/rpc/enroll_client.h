// What a node calls to get certificates for keys that it made itself.
#pragma once

#include <string>

#include "base/pki/join_token.h"
#include "client/rpc/grpc_coordinator_link.h"

namespace veilsum::client {

struct IssuedCertificates {
  Certificate root;
  CertificateChain tls, signing;
  std::string coordinator_address;  // empty after a renewal
};

// Redeems the token where it says. The server must show the root whose hash is in the token and,
// under it, a leaf of the coordinator that the token names: else Unauthenticated, and the token has
// not been sent. What comes back is verified: it is of `token.subject` and of those keys.
// Unavailable: nobody answers. PermissionDenied: the token is not good (any more).
absl::StatusOr<IssuedCertificates> RedeemToken(const std::string& token_text,
                                               const JoinToken& token, const Bytes& tls_request,
                                               const Bytes& signing_request);

// Fresh certificates for the identity of `config.tls`.
absl::StatusOr<IssuedCertificates> RenewCertificates(const LinkConfig& config,
                                                     const Bytes& tls_request,
                                                     const Bytes& signing_request);

}  // namespace veilsum::client
