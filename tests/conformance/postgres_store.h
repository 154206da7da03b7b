// Stores on the PostgreSQL server of this program's own: a schema each, by the folder that a test
// has.
#pragma once

#include "coordinator/store/postgres_run_store.h"
#include "tests/support/postgres_server.h"

namespace veilsum::coordinator {

// Unimplemented: there is no server.
absl::StatusOr<PostgresPlace> TestPlace(const std::filesystem::path& folder);
// Elected first.
absl::StatusOr<std::unique_ptr<RunStore>> OpenTestPostgres(
    const std::filesystem::path& folder, const PostgresRunStoreOptions& options = {});
void ExecuteTestPostgres(const std::filesystem::path& folder, const std::string& sql);

}  // namespace veilsum::coordinator
