#include "coordinator/cli/backup_commands.h"

#include <cstdio>

#include "coordinator/cli/config.h"
#include "coordinator/identity/tenant_check.h"
#include "coordinator/store/archive.h"

namespace veilsum::coordinator {
namespace {

ExitCode Failed(const absl::Status& status) {
  std::fprintf(stderr, "veilsum-coordinator: %s\n", std::string(status.message()).c_str());
  const bool configuration = absl::IsInvalidArgument(status) || absl::IsNotFound(status);
  return configuration ? ExitCode::kConfiguration : ExitCodeOf(status);
}

// What to do instead, for a store that PostgreSQL keeps.
absl::Status InPostgres(const PostgresPlace& place) {
  return FailedPrecondition(
      "the store is in PostgreSQL (schema %s, and tenant_... for each tenant): back up the whole "
      "database with pg_dump or pg_basebackup, put it back while no coordinator serves, then run "
      "fsck. ledger.key, certificates and [signing] revoked are files of their own. A merchant who "
      "has witnessed a longer ledger refuses an older copy",
      place.schema);
}

absl::StatusOr<StorePlaces> PlacesOf(const std::filesystem::path& config_file) {
  VEILSUM_ASSIGN_OR_RETURN(const CoordinatorConfig config, ReadCoordinatorConfig(config_file));
  if (!config.shared.url.empty()) return InPostgres(config.shared);
  return StorePlaces{config.store, config_file, config.records, config.revoked};
}

// The faults, or `what` was done and with what head.
ExitCode Tell(const char* what, const absl::StatusOr<StoreCheck>& check) {
  if (!check.ok()) return Failed(check.status());
  for (const std::string& fault : check->faults) std::printf("FAULT  %s\n", fault.c_str());
  std::printf("%s: %d runs, %d rounds, ledger of %d entries, root %s\n",
              check->passed() ? what : "faulty", static_cast<int>(check->runs),
              static_cast<int>(check->rounds), static_cast<int>(check->head.size),
              HexEncode(check->head.root).c_str());
  return check->passed() ? ExitCode::kDone : ExitCode::kFindings;
}

}  // namespace

ExitCode RunBackup(const std::filesystem::path& config_file, const std::filesystem::path& out) {
  const absl::StatusOr<StorePlaces> places = PlacesOf(config_file);
  if (!places.ok()) return Failed(places.status());
  return Tell("backup", WriteBackup(*places, out, VEILSUM_VERSION));
}

ExitCode RunRestore(const std::filesystem::path& config_file, const std::filesystem::path& from) {
  const absl::StatusOr<StorePlaces> places = PlacesOf(config_file);
  if (!places.ok()) return Failed(places.status());
  const ExitCode code = Tell("restored", RestoreBackup(*places, from));
  if (code == ExitCode::kDone)
    std::printf(
        "A merchant who has witnessed a longer ledger will refuse this one, and stays right to.\n"
        "What was revoked after the backup is not in it: revoke that again before you serve.\n");
  return code;
}

ExitCode RunFsck(const std::filesystem::path& config_file) {
  const absl::StatusOr<CoordinatorConfig> config = ReadCoordinatorConfig(config_file);
  if (!config.ok()) return Failed(config.status());
  const bool shared = !config->shared.url.empty();
  absl::StatusOr<StoreCheck> check =
      shared ? CheckPostgresStore(config->shared) : CheckStore(config->store);
  if (!check.ok() || config->issuer.empty()) return Tell("sound", check);
  const absl::StatusOr<TenantsCheck> tenants =
      shared ? CheckPostgresTenants(config->shared) : CheckSqliteTenants(config->records);
  if (!tenants.ok()) return Failed(tenants.status());
  check->faults.insert(check->faults.end(), tenants->faults.begin(), tenants->faults.end());
  std::printf("tenants: %d, with %d tokens, %d leaves, %d revocations\n",
              static_cast<int>(tenants->tenants), static_cast<int>(tenants->tokens),
              static_cast<int>(tenants->leaves), static_cast<int>(tenants->denied));
  return Tell("sound", check);
}

}  // namespace veilsum::coordinator
