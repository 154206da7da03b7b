// A join token: what a merchant's engineer is told so that a new node gets its first certificates.
//   vsj1.<base64url of canonical JSON>.<base64url of 32 random bytes>
// The middle names who the token is for, where to redeem it, until when, and the SHA-256 of the
// root that the server must show: so whoever holds the token needs no other introduction. The
// coordinator keeps a SHA-256 of the text alone.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/pki/spiffe_id.h"
#include "base/secure_rng.h"

namespace veilsum {

struct JoinToken {
  std::string id;            // 16 hex digits: which one it is, no secret
  SpiffeId subject;          // a client or a tenant's operator
  std::string address;       // host:port where it is redeemed
  SpiffeId coordinator;      // who must answer there
  Hash32 root;               // SHA-256 of the root's DER
  std::int64_t expires = 0;  // seconds since 1970
};

// The text of a fresh token; `token.id` is chosen here and written back.
std::string MakeJoinToken(JoinToken& token, SecureRng& rng);
// InvalidArgument: not a token, without repeating any of it.
absl::StatusOr<JoinToken> ParseJoinToken(std::string_view text);

}  // namespace veilsum
