// What belongs to one tenant: its join tokens, the leaves that it was given, and what it has
// revoked. Each tenant's tables lie apart, in a SQLite file or a PostgreSQL schema of its own, and
// a registry (tenant_registry.h) gives out the store of a context's tenant alone, so that no query
// can reach another's rows.
#pragma once

#include <string>
#include <vector>

#include "coordinator/authz/deny_list.h"
#include "coordinator/authz/tenant_context.h"
#include "coordinator/store/sql_database.h"

namespace veilsum::coordinator {

struct IssuedLeafRow {
  std::string uri, serial, key;  // serial and key in hex
  std::int64_t expires = 0;
};
struct DeniedRow {
  DeniedKind kind;
  std::string value;
};

// Not thread-safe. Every method is durable when it has returned OK. Aborted: this process no longer
// leads, and nothing was written.
class TenantStore {
 public:
  // For registries. `db` must outlive it; `schema` has the tables, empty: the database has one.
  TenantStore(SqlDatabase& db, const std::string& schema);

  absl::Status AddToken(const JoinToken& token, const Hash32& text_hash);
  // Takes an attempt to redeem: `text_hash` of the whole token, `keys` of the keys to certify.
  // OK the first time, and again for the same keys, so that an answer that was lost can be fetched.
  // PermissionDenied otherwise; five wrong attempts burn the token.
  absl::Status Redeem(const JoinToken& token, const Hash32& text_hash, const Hash32& keys,
                      std::int64_t now);

  absl::Status AddLeaf(const IssuedLeafRow& leaf);
  absl::StatusOr<std::vector<IssuedLeafRow>> Leaves();

  // Of `reason` at most 400 bytes are kept.
  absl::Status Deny(const DeniedRow& denied, std::string_view reason);
  absl::StatusOr<std::vector<DeniedRow>> Denied();

  // Adds every row of `other` that is not here; what is here stays as it is.
  absl::Status CopyFrom(TenantStore& other);

 private:
  absl::Status CopyTokens(TenantStore& other);
  absl::Status CopyLeaves(TenantStore& other);
  absl::Status CopyDenied(TenantStore& other);

  SqlDatabase& db_;
  const std::string tokens_, leaves_, denied_;  // its tables
};

}  // namespace veilsum::coordinator
