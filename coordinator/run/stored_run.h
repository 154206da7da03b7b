// A run that is over and no longer at hand, as the store tells of it.
#pragma once

#include "coordinator/store/run_store.h"
#include "veilsum/admin/v1/admin.pb.h"

namespace veilsum::coordinator {

// An empty hash: the latest. NotFound: no such run, or the model is not kept (any more).
absl::StatusOr<std::shared_ptr<const Bytes>> StoredModel(RunStore& store, const std::string& run_id,
                                                         ByteView model_hash);
// With state, reason, step, round, attempts and model_hash of its progress. NotFound: no such run.
absl::StatusOr<admin::v1::GetRunResponse> StoredRun(RunStore& store, const std::string& run_id);

}  // namespace veilsum::coordinator
