#include "client/data/postgres_rows.h"

namespace veilsum::client {

absl::StatusOr<std::unique_ptr<Rows>> OpenPostgresRows(const model::Table&,
                                                       const std::filesystem::path&,
                                                       const std::string& name) {
  return Unimplemented("%s: this build has no PostgreSQL (VEILSUM_SERVICES is off)", name);
}

}  // namespace veilsum::client
