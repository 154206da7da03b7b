// The answer of a PostgreSQL server to a plan's query, some rows at a time.
#pragma once

#include "client/data/rows.h"

namespace veilsum::client {

// `file` is the merchant's own and says where the server is (TOML):
//   [database]
//   url = "postgresql://reader@/shop"
//   passfile = "shop.pgpass"        # may be missing; a relative one is beside the file
// The query runs as the body of a cursor in a read-only transaction, which sees one moment, so it
// is one SELECT (or VALUES) that cannot write; UTC and ISO dates. Errors: InvalidArgument for the
// file, the address (CheckPostgresAddress) or the query, with the server's message; Unavailable: no
// server; Unimplemented: a build without libpq. No message has a password.
absl::StatusOr<std::unique_ptr<Rows>> OpenPostgresRows(const model::Table& table,
                                                       const std::filesystem::path& file,
                                                       const std::string& name);

}  // namespace veilsum::client
