// What a tenant alone may say in a ledger that somebody else writes: its policy, its data, what it
// has erased. A seat signs the statement with its signing key, as a DSSE envelope; the coordinator
// writes it into an entry, from which anybody can make the same envelope again.
#pragma once

#include "model/ledger/entry.h"

namespace veilsum::ledger {

inline constexpr const char* kStatementType = "application/vnd.veilsum.statement+json";
inline constexpr std::size_t kMaxStatementBytes = 16 * 1024;

struct TenantStatement {
  std::string type;                      // policy.set, dataset.declared, erasure.performed
  std::string federation;                // trust domain
  std::string seat;                      // SPIFFE URI of the client that signs
  std::string issued;                    // as Header::time; a later one replaces an earlier
  Json body = Json::object();            // the fields of the type
  std::map<std::string, Hash32> hidden;  // digests of values that stay with the tenant
  friend bool operator==(const TenantStatement&, const TenantStatement&) = default;
};

// InvalidArgument: canonical JSON cannot hold it, `issued` is no time.
absl::StatusOr<Bytes> SignStatement(const TenantStatement& statement, const Ed25519Signer& signer);

struct SignedStatement {
  TenantStatement statement;
  Ed25519Signature signature{};  // not verified
};
// InvalidArgument: bytes that SignStatement would not write.
absl::StatusOr<SignedStatement> ParseStatement(ByteView bytes);

bool IsSignedBy(const SignedStatement& statement, const Ed25519PublicKey& key);

// The fields of the entry that tells of it: those of the type, seat, issued and signature.
Json BodyOf(const SignedStatement& statement);
// The reverse; takes seat, issued and signature out of `entry`'s body. InvalidArgument: they are
// not there or not in their form.
absl::StatusOr<SignedStatement> StatementIn(const Entry& entry);

}  // namespace veilsum::ledger
