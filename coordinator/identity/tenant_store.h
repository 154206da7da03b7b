// What belongs to one tenant: its join tokens, the leaves that it was given, and what it has
// revoked. One SQLite file a tenant, opened by that tenant's context, so that no query can reach
// another's rows.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/sqlite/database.h"
#include "coordinator/authz/deny_list.h"
#include "coordinator/authz/tenant_context.h"

namespace veilsum::coordinator {

struct IssuedLeafRow {
  std::string uri, serial, key;  // serial and key in hex
  std::int64_t expires = 0;
};
struct DeniedRow {
  DeniedKind kind;
  std::string value;
};

// Not thread-safe. Every method is durable when it has returned OK.
class TenantStore {
 public:
  // The file of the context's tenant in `folder`; NotFound when nobody has created that tenant.
  static absl::StatusOr<TenantStore> Open(const std::filesystem::path& folder,
                                          const TenantContext& context);
  // Makes it. AlreadyExists: a tenant's id is never used again.
  static absl::Status Create(const std::filesystem::path& folder, const TenantContext& context);

  absl::Status AddToken(const JoinToken& token, const Hash32& text_hash);
  // Takes an attempt to redeem: `text_hash` of the whole token, `keys` of the keys to certify.
  // OK the first time, and again for the same keys, so that an answer that was lost can be fetched.
  // PermissionDenied otherwise; five wrong attempts burn the token.
  absl::Status Redeem(const JoinToken& token, const Hash32& text_hash, const Hash32& keys,
                      std::int64_t now);

  absl::Status AddLeaf(const IssuedLeafRow& leaf);
  absl::StatusOr<std::vector<IssuedLeafRow>> Leaves();

  absl::Status Deny(const DeniedRow& denied, std::string_view reason);
  absl::StatusOr<std::vector<DeniedRow>> Denied();

 private:
  explicit TenantStore(sqlite::Database db) : db_(std::move(db)) {}
  sqlite::Database db_;
};

}  // namespace veilsum::coordinator
