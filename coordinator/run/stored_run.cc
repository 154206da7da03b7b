#include "coordinator/run/stored_run.h"

#include <algorithm>

#include "coordinator/run/training_state.h"

namespace veilsum::coordinator {

absl::StatusOr<std::shared_ptr<const Bytes>> StoredModel(RunStore& store, const std::string& run_id,
                                                         ByteView model_hash) {
  if (!model_hash.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(const Hash32 hash, ParseFixed<32>("model_hash", model_hash));
    return store.LoadModel(run_id, hash);
  }
  VEILSUM_ASSIGN_OR_RETURN(const RunSnapshot snapshot, store.Snapshot(run_id));
  if (snapshot.latest_model_bytes == nullptr)
    return NotFound("run %s has published no model", run_id);
  return snapshot.latest_model_bytes;
}

namespace {

// What private evaluation said of the last model, where the run came to it.
absl::Status AddEvaluation(const RunSnapshot& snapshot, admin::v1::RunProgress& progress) {
  if (snapshot.engine_state.empty()) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(const RunTerms terms,
                           RunTerms::Restore(snapshot.run.plan, snapshot.run.contract));
  VEILSUM_ASSIGN_OR_RETURN(const TrainingState state,
                           TrainingState::Restore(terms, snapshot.engine_state));
  if (!state.evaluation()) return absl::OkStatus();
  *progress.mutable_evaluation() =
      EvaluationOf(terms, *state.evaluation(), state.step(), model::ModelHash(state.Published()));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<admin::v1::GetRunResponse> StoredRun(RunStore& store, const std::string& run_id) {
  VEILSUM_ASSIGN_OR_RETURN(const RunSnapshot snapshot, store.Snapshot(run_id));
  admin::v1::GetRunResponse response;
  response.set_plan(snapshot.run.plan);
  response.set_contract(snapshot.run.contract);
  admin::v1::RunProgress& progress = *response.mutable_progress();
  progress.set_state(snapshot.run.state);
  progress.set_reason(snapshot.run.reason);
  progress.set_step(snapshot.step);
  progress.set_round(snapshot.last_opened);
  for (const auto& [member, charged] : snapshot.charged)
    progress.set_attempts(std::max<std::uint64_t>(progress.attempts(), charged));
  if (snapshot.latest_model) {
    VEILSUM_ASSIGN_OR_RETURN(const Bytes hash, HexDecode(*snapshot.latest_model));
    progress.set_model_hash(hash.data(), hash.size());
  }
  VEILSUM_RETURN_IF_ERROR(AddEvaluation(snapshot, progress));
  return response;
}

}  // namespace veilsum::coordinator
