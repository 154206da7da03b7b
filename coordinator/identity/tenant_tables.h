// The tables of one tenant, for those who make and those who check them. Applied migrations are
// frozen: their text is checksummed, changes are new ones.
#pragma once

#include "base/sqlite/database.h"

namespace veilsum::coordinator {

inline constexpr sqlite::Migration kTenantMigrations[] = {{1, R"sql(
CREATE TABLE tokens(
  id TEXT PRIMARY KEY,
  text_sha256 BLOB NOT NULL CHECK(length(text_sha256) = 32),
  subject TEXT NOT NULL,
  expires INTEGER NOT NULL,
  wrong INTEGER NOT NULL DEFAULT 0,
  keys_sha256 BLOB CHECK(keys_sha256 IS NULL OR length(keys_sha256) = 32)
) STRICT, WITHOUT ROWID;
CREATE TABLE leaves(
  serial TEXT PRIMARY KEY,
  uri TEXT NOT NULL,
  key TEXT NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE denied(
  kind INTEGER NOT NULL,
  value TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL DEFAULT (unixepoch()),
  PRIMARY KEY(kind, value)
) STRICT, WITHOUT ROWID;
)sql"}};

// Of those in PostgreSQL (postgres_tenants.cc).
inline constexpr std::int64_t kTenantTablesVersion = 1;
inline constexpr const char* kTenantTables[] = {"tokens", "leaves", "denied"};

}  // namespace veilsum::coordinator
