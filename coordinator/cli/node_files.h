// What a coordinator reads from its own files before it serves: who it is, and the key of its
// ledger.
#pragma once

#include "base/secure_rng.h"
#include "coordinator/cli/config.h"
#include "coordinator/store/postgres_lease.h"

namespace veilsum::coordinator {

// Errors of OwnIdentity::Load. InvalidArgument: the certificate is of another federation.
absl::StatusOr<OwnIdentity> ReadIdentity(const CoordinatorConfig& config);

// The issuer that lets new nodes in; `config` must have one. Errors of Issuer::Load.
absl::StatusOr<Issuer> ReadIssuer(const CoordinatorConfig& config, const Certificate& root);

// `lease` null: the store is the configuration's file. The key is made with the ledger: later its
// absence is an error, because another key would be another ledger.
absl::StatusOr<LedgerOptions> LedgerOf(const CoordinatorConfig& config, const TlsIdentity& identity,
                                       SecureRng& rng, PostgresLease* lease);

// A ledger that was begun needs its key, which another node has made.
absl::Status FitToLead(const CoordinatorConfig& config, PostgresLease& lease);

}  // namespace veilsum::coordinator
