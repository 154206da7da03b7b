// The run store of every SQL back end: one transaction a call, in which the ledger's entries are as
// well. What a back end adds is the connection (sql_database.h) and how it is opened.
#pragma once

#include <mutex>

#include "coordinator/store/ledger_appender.h"
#include "coordinator/store/ledger_book.h"
#include "coordinator/store/run_store.h"
#include "coordinator/store/sql_ledger_shelf.h"
#include "coordinator/store/sql_run_reader.h"

namespace veilsum::coordinator {

class SqlRunStore : public RunStore, public LedgerAppender {
 public:
  // Begins the ledger when there is none. Errors of LedgerBook::Restore. Once, before other calls.
  absl::Status OpenLedger(LedgerOptions options, std::uint64_t term = 1);
  LedgerView* ledger() override { return book_.get(); }
  LedgerAppender* appender() override { return book_ ? this : nullptr; }
  absl::Status AppendEntries(const Make& make) override;

  absl::Status CreateRun(const RunRecord& run, const ModelRecord& initial,
                         ByteView engine_state) override;
  absl::StatusOr<RunRecord> LoadRun(const std::string& run_id) override;
  absl::StatusOr<std::vector<std::string>> UnfinishedRuns() override;
  absl::Status SetRunState(const std::string& run_id, const std::string& state,
                           const std::string& reason) override;
  absl::Status SaveApproval(const std::string& run_id, const Approval& approval) override;
  absl::Status OpenBlock(const std::string& run_id, const Block& block) override;
  absl::StatusOr<std::vector<Block>> Blocks(const std::string& run_id) override;
  absl::Status Freeze(const std::string& run_id, std::uint64_t round,
                      const MemberList& survivors) override;
  absl::Status Commit(const std::string& run_id, const RoundCommit& commit) override;
  absl::Status Abort(const std::string& run_id, std::uint64_t round,
                     const std::string& reason) override;
  absl::StatusOr<std::uint64_t> RecoverOpenRounds(const std::string& run_id) override;
  absl::StatusOr<RunSnapshot> Snapshot(const std::string& run_id) override;
  absl::StatusOr<RoundRecord> LoadRound(const std::string& run_id, std::uint64_t round) override;
  absl::StatusOr<std::shared_ptr<const Bytes>> LoadModel(const std::string& run_id,
                                                         const Hash32& hash) override;

 protected:
  // `db` must outlive it; it may be made later than this, but before the first call.
  explicit SqlRunStore(SqlDatabase& db) : db_(db), reader_(db), shelf_(db) {}
  std::mutex mutex_;  // of the connection and of all below

 private:
  template <class Entries>
  absl::Status CommitWith(SqlTransaction& transaction, const Entries& entries);
  absl::Status Finish(SqlTransaction& transaction);
  absl::StatusOr<std::vector<std::uint64_t>> OpenRounds(std::int64_t run);
  absl::Status CheckSame(const StoredRun& old, const RunRecord& run, const ModelRecord& initial);
  absl::Status InsertBlock(std::int64_t run, const Block& block);
  absl::Status InsertRounds(std::int64_t run, const Block& block);
  absl::Status ChargeMembers(std::int64_t run, const Block& block);
  absl::Status InsertModel(std::int64_t run, const ModelRecord& model);

  SqlDatabase& db_;
  SqlRunReader reader_;
  SqlLedgerShelf shelf_;
  std::unique_ptr<LedgerBook> book_;  // null: without a ledger
};

}  // namespace veilsum::coordinator
