// The store of a coordinator that does not serve now.
#pragma once

#include <filesystem>
#include <memory>

#include "base/pki/certificate.h"
#include "base/pki/revocation_list.h"
#include "coordinator/store/run_store.h"

namespace veilsum::coordinator {

// None of those that share the store serves; its ledger is begun when there is none. NotFound:
// there is no store. Errors of the configuration and of OpenSqliteRunStore.
struct IdleCoordinator {
  Certificate root;
  std::shared_ptr<RevocationList> revoked;  // null: none is configured
  std::unique_ptr<RunStore> store;
};
absl::StatusOr<IdleCoordinator> OpenIdle(const std::filesystem::path& config_file);

}  // namespace veilsum::coordinator
