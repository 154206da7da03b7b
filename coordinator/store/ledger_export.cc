#include "coordinator/store/ledger_export.h"

#include "coordinator/store/sql_ledger_shelf.h"
#include "coordinator/store/sql_run_reader.h"
#include "coordinator/store/sqlite_sql.h"
#include "model/contract/privacy_terms.h"
#include "model/ledger/entry.h"
#include "model/plan/plan_format.h"
#include "model/safetensors.h"

namespace veilsum::coordinator {
namespace {

absl::StatusOr<std::string> LogKeyOf(LedgerShelf& shelf) {
  VEILSUM_ASSIGN_OR_RETURN(const Bytes leaf, shelf.Leaf(0));
  VEILSUM_ASSIGN_OR_RETURN(const ledger::SignedEntry genesis, ledger::ParseEntry(leaf));
  const auto key = genesis.entry.body.find("log_key");
  if (key == genesis.entry.body.end() || !key->is_string())
    return DataLoss("the genesis names no log key");
  return key->get<std::string>();
}

absl::Status AddCosignatures(LedgerShelf& shelf, std::uint64_t size, tlog::Note& note) {
  VEILSUM_ASSIGN_OR_RETURN(const auto cosignatures, shelf.Cosignatures(size));
  for (const StoredCosignature& cosignature : cosignatures) {
    VEILSUM_ASSIGN_OR_RETURN(const tlog::VerifierKey key,
                             tlog::VerifierKey::Parse(cosignature.witness));
    note.signatures.push_back({key.name(), key.id(), cosignature.signature});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> RunIds(sqlite::Database& db) {
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Statement rows,
                           db.Prepare("SELECT run_id FROM runs ORDER BY id"));
  std::vector<std::string> out;
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool found, rows.Step());
    if (!found) return out;
    out.push_back(rows.Text(0));
  }
}

absl::Status ExportModel(const RunSnapshot& run, ledger::BundleWriter& bundle) {
  VEILSUM_ASSIGN_OR_RETURN(const model::Plan plan, model::PlanFromJson(run.run.plan));
  const model::Layout layout = model::LayoutOf(plan);
  const absl::StatusOr<model::ModelVector> values =
      model::ParseModelBytes(*run.latest_model_bytes, layout.size());
  if (!values.ok())
    return DataLoss("run %s: %s", run.run.run_id, std::string(values.status().message()));
  return bundle.WriteModel(
      model::ModelHash(*values),
      model::WriteSafetensors(
          layout, *values,
          {{"plan_sha256", HexEncode(model::PlanSha256(plan))}, {"run_id", run.run.run_id}}));
}

}  // namespace

absl::StatusOr<ExportedLedger> ExportLedger(const std::filesystem::path& store,
                                            ledger::BundleWriter& bundle) {
  VEILSUM_ASSIGN_OR_RETURN(const bool begun, HasLedger(store));
  if (!begun) return NotFound("%s has no ledger", store.string());
  sqlite::Database::Options options;
  options.exclusive = true;
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Database db, sqlite::Database::Open(store, options));
  SqliteSql sql(db);
  SqlLedgerShelf shelf(sql);
  ExportedLedger out;
  VEILSUM_ASSIGN_OR_RETURN(out.log_key, LogKeyOf(shelf));
  VEILSUM_ASSIGN_OR_RETURN(const tlog::VerifierKey key, tlog::VerifierKey::Parse(out.log_key));
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, shelf.Head());
  VEILSUM_ASSIGN_OR_RETURN(out.head, tlog::Note::Parse(text));
  VEILSUM_ASSIGN_OR_RETURN(out.checkpoint, tlog::OpenCheckpoint(out.head, key));
  VEILSUM_RETURN_IF_ERROR(bundle.WriteLog(out.checkpoint.size, out.checkpoint.root,
                                          [&](std::uint64_t index) { return shelf.Leaf(index); }));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Hash32> blobs, shelf.Blobs());
  for (const Hash32& sha256 : blobs) {
    VEILSUM_ASSIGN_OR_RETURN(const std::string blob, shelf.Blob(sha256));
    VEILSUM_RETURN_IF_ERROR(bundle.WriteBlob(blob));
  }
  VEILSUM_RETURN_IF_ERROR(AddCosignatures(shelf, out.checkpoint.size, out.head));
  return out;
}

absl::Status ExportModels(const std::filesystem::path& store, ledger::BundleWriter& bundle) {
  sqlite::Database::Options options;
  options.exclusive = true;
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Database db, sqlite::Database::Open(store, options));
  SqliteSql sql(db);
  SqlRunReader reader(sql);
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<std::string> runs, RunIds(db));
  for (const std::string& run_id : runs) {
    VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader.Find(run_id));
    VEILSUM_ASSIGN_OR_RETURN(const RunSnapshot snapshot, reader.Snapshot(run));
    // The model of step 0 is no round's.
    if (snapshot.latest_model_bytes != nullptr && snapshot.step != 0)
      VEILSUM_RETURN_IF_ERROR(ExportModel(snapshot, bundle));
  }
  return absl::OkStatus();
}

}  // namespace veilsum::coordinator
