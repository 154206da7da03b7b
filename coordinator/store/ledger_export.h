// A coordinator's ledger as evidence for others, from its database alone: no key is needed, because
// the head was signed when its entries were stored.
#pragma once

#include "coordinator/store/ledger_view.h"
#include "model/ledger/bundle_writer.h"

namespace veilsum::coordinator {

struct ExportedLedger {
  tlog::Note head;  // with the cosignatures that the coordinator has
  tlog::Checkpoint checkpoint;
  std::string log_key;  // verifier key, as the genesis names it
};

// Writes tiles, entries and blobs; checkpoint and trust policy are the caller's. NotFound: no such
// database, or it has no ledger. Unavailable: a coordinator has it open. DataLoss: the head is not
// that of the entries.
absl::StatusOr<ExportedLedger> ExportLedger(const std::filesystem::path& store,
                                            ledger::BundleWriter& bundle);

// Writes the last model of every run that has made one, as safetensors. Errors as above; DataLoss:
// a model is not that of its run's plan.
absl::Status ExportModels(const std::filesystem::path& store, ledger::BundleWriter& bundle);

}  // namespace veilsum::coordinator
