#include "tests/conformance/postgres_store.h"

#include "base/crypto/sha256.h"
#include "tests/support/status_matchers.h"

namespace veilsum::coordinator {

absl::StatusOr<PostgresPlace> TestPlace(const std::filesystem::path& folder) {
  const PostgresServer* const server = PostgresServer::Shared();
  if (server == nullptr) return Unimplemented("no PostgreSQL here");
  return server->Place("t_" + HexEncode(Sha256(folder.string())).substr(0, 16));
}

absl::StatusOr<std::unique_ptr<RunStore>> OpenTestPostgres(const std::filesystem::path& folder,
                                                           const PostgresRunStoreOptions& options) {
  VEILSUM_ASSIGN_OR_RETURN(const PostgresPlace place, TestPlace(folder));
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<PostgresLease> lease,
                           PostgresLease::Connect(place, "the test"));
  VEILSUM_ASSIGN_OR_RETURN(const bool elected, lease->TryAcquire());
  if (!elected) return Unavailable("somebody else has the lease");
  return OpenPostgresRunStore(std::move(lease), options);
}

void ExecuteTestPostgres(const std::filesystem::path& folder, const std::string& sql) {
  const absl::StatusOr<PostgresPlace> place = TestPlace(folder);
  ASSERT_OK(place.status());
  const auto db = PostgresDatabase::Connect(*place);
  ASSERT_OK(db.status());
  ASSERT_OK((*db)->Execute(sql));
}

}  // namespace veilsum::coordinator
