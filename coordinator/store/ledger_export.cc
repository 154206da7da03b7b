#include "coordinator/store/ledger_export.h"

#include "coordinator/store/sql_ledger_shelf.h"
#include "coordinator/store/sqlite_sql.h"
#include "model/ledger/entry.h"

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

}  // namespace veilsum::coordinator
