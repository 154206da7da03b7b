// `fsck`: whether a coordinator's database is whole, whether its ledger is what its rules admit,
// and whether the two say the same. Reads only, needs no key, repairs nothing.
#pragma once

#include "coordinator/store/ledger_view.h"

namespace veilsum::coordinator {

struct PostgresPlace;

struct StoreCheck {
  tlog::Checkpoint head;  // of the ledger, as signed; size 0 when there is none
  std::uint64_t runs = 0, rounds = 0;
  std::vector<std::string> faults;  // one line each, at most kMostFaults
  bool passed() const { return faults.empty(); }
};
inline constexpr std::size_t kMostFaults = 100;

// NotFound: no such file. Unavailable: a coordinator has it open. DataLoss: no database at all.
// FailedPrecondition: of a newer program.
absl::StatusOr<StoreCheck> CheckStore(const std::filesystem::path& file);
// The same of a store in PostgreSQL, as it is at this moment: a coordinator may have it in use.
// Errors of PostgresDatabase::Connect.
absl::StatusOr<StoreCheck> CheckPostgresStore(const PostgresPlace& place);

}  // namespace veilsum::coordinator
