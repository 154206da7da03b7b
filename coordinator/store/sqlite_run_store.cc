// The SQLite back end: WAL, synchronous=FULL, one writer, one transaction a call, in which the
// ledger's entries are as well.
#include <mutex>
#include <thread>

#include "base/sqlite/database.h"
#include "coordinator/store/ledger_appender.h"
#include "coordinator/store/ledger_book.h"
#include "coordinator/store/run_store.h"
#include "coordinator/store/run_store_rules.h"
#include "coordinator/store/run_store_schema.h"
#include "coordinator/store/sqlite_ledger_shelf.h"
#include "coordinator/store/sqlite_run_reader.h"

namespace veilsum::coordinator {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

// std::mutex is not fair: whoever waits for it needs a moment to get it.
constexpr std::chrono::milliseconds kBreath{1};

class SqliteRunStore final : public RunStore, public LedgerAppender {
 public:
  explicit SqliteRunStore(Database db) : db_(std::move(db)) {}

  absl::Status OpenLedger(LedgerOptions options) {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(book_, LedgerBook::Restore(std::move(options), shelf_, mutex_));
    return Finish(transaction);
  }
  LedgerView* ledger() override { return book_.get(); }
  LedgerAppender* appender() override { return book_ ? this : nullptr; }
  absl::Status AppendEntries(const Make& make) override {
    const std::lock_guard lock(mutex_);
    if (!book_) return FailedPrecondition("the store keeps no ledger");
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    return CommitWith(transaction, [&] { return make(book_->rules()); });
  }

  absl::Status BackupTo(const std::filesystem::path& file) override {
    std::unique_lock lock(mutex_);
    auto began = std::chrono::steady_clock::now();
    return db_.BackupTo(file, [&] {  // as long for others as it had the store for itself
      lock.unlock();
      const auto now = std::chrono::steady_clock::now();
      std::this_thread::sleep_for(std::max<std::chrono::nanoseconds>(now - began, kBreath));
      lock.lock();
      began = std::chrono::steady_clock::now();
    });
  }

  absl::Status CreateRun(const RunRecord& run, const ModelRecord& initial,
                         ByteView engine_state) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_RETURN_IF_ERROR(CheckNewRun(run, initial));
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    if (auto old = reader_.Find(run.run_id); old.ok()) return CheckSame(*old, run, initial);
    VEILSUM_ASSIGN_OR_RETURN(
        Statement insert,
        db_.Prepare("INSERT INTO runs(run_id, plan, contract, seed, initial_model, state, reason) "
                    "VALUES(?, ?, ?, ?, ?, ?, ?) RETURNING id"));
    insert.Bind(1, run.run_id).Bind(2, run.plan).Bind(3, run.contract).Bind(4, run.seed);
    insert.Bind(5, ByteView(initial.hash)).Bind(6, run.state).Bind(7, run.reason);
    VEILSUM_RETURN_IF_ERROR(insert.Step().status());
    const std::int64_t id = insert.Int(0);
    VEILSUM_RETURN_IF_ERROR(insert.Run());
    VEILSUM_ASSIGN_OR_RETURN(
        Statement progress,
        db_.Prepare("INSERT INTO progress(run, step, engine_state) VALUES(?, 0, ?)"));
    VEILSUM_RETURN_IF_ERROR(progress.Bind(1, id).Bind(2, engine_state).Run());
    VEILSUM_RETURN_IF_ERROR(InsertModel(id, initial));
    return CommitWith(transaction, [&] { return NewRunEntries(run); });
  }

  absl::StatusOr<RunRecord> LoadRun(const std::string& run_id) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(StoredRun run, reader_.Find(run_id));
    return std::move(run.record);
  }

  absl::StatusOr<std::optional<RunRecord>> LatestUnfinishedRun() override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(
        Statement select,
        db_.Prepare("SELECT run_id FROM runs WHERE state NOT IN "
                    "('finished', 'stopped', 'failed') ORDER BY id DESC LIMIT 1"));
    VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Step());
    if (!found) return std::optional<RunRecord>();
    VEILSUM_ASSIGN_OR_RETURN(StoredRun run, reader_.Find(select.Text(0)));
    return std::optional(std::move(run.record));
  }

  absl::Status SetRunState(const std::string& run_id, const std::string& state,
                           const std::string& reason) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
    VEILSUM_ASSIGN_OR_RETURN(const bool write, MaySetState(run.record, state));
    if (!write) return absl::OkStatus();
    VEILSUM_ASSIGN_OR_RETURN(Statement update,
                             db_.Prepare("UPDATE runs SET state = ?, reason = ? WHERE id = ?"));
    VEILSUM_RETURN_IF_ERROR(update.Bind(1, state).Bind(2, reason).Bind(3, run.id).Run());
    if (!IsFinalRunState(state)) return transaction.Commit();
    return CommitWith(
        transaction, [&] { return RunEndEntries(LedgerRunOf(run.record), state, book_->rules()); });
  }

  absl::Status SaveApproval(const std::string& run_id, const Approval& approval) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_RETURN_IF_ERROR(CheckApproval(approval));
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
    VEILSUM_ASSIGN_OR_RETURN(
        Statement insert,
        db_.Prepare("INSERT OR REPLACE INTO approvals(run, member, signature, certificate) "
                    "VALUES(?, ?, ?, ?)"));
    insert.Bind(1, run.id).Bind(2, approval.member).Bind(3, ByteView(approval.signature));
    VEILSUM_RETURN_IF_ERROR(insert.Bind(4, ByteView(approval.certificate)).Run());
    return CommitWith(transaction, [&] {
      return ApprovalEntries(LedgerRunOf(run.record), approval, book_->rules());
    });
  }

  absl::Status OpenBlock(const std::string& run_id, const Block& block) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_RETURN_IF_ERROR(CheckBlock(block));
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
    VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t last_opened, reader_.LastOpened(run.id));
    VEILSUM_RETURN_IF_ERROR(MayOpen(run.record, last_opened, block));
    VEILSUM_RETURN_IF_ERROR(
        InsertBlock(run.id, block));  // the index on (session, batch) refuses a repetition
    VEILSUM_ASSIGN_OR_RETURN(
        Statement round,
        db_.Prepare(
            "INSERT INTO rounds(run, round, block_first, slot, state) VALUES(?, ?, ?, ?, 0)"));
    for (std::uint64_t r = block.first; r <= block.last; ++r)
      VEILSUM_RETURN_IF_ERROR(
          round.Bind(1, run.id).Bind(2, r).Bind(3, block.first).Bind(4, r - block.first).Run());
    VEILSUM_ASSIGN_OR_RETURN(
        Statement charge,
        db_.Prepare("INSERT INTO budgets(run, member, attempts) VALUES(?1, ?2, ?3) "
                    "ON CONFLICT(run, member) DO UPDATE SET attempts = attempts + ?3"));
    for (const std::string& member : block.members)
      VEILSUM_RETURN_IF_ERROR(
          charge.Bind(1, run.id).Bind(2, member).Bind(3, block.last - block.first + 1).Run());
    return CommitWith(transaction, [&] { return BlockEntries(LedgerRunOf(run.record), block); });
  }

  absl::StatusOr<std::vector<Block>> Blocks(const std::string& run_id) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
    return reader_.Blocks(run);
  }

  absl::Status Freeze(const std::string& run_id, std::uint64_t round,
                      const MemberList& survivors) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
    VEILSUM_ASSIGN_OR_RETURN(const RoundRecord record, reader_.FindRound(run, round));
    VEILSUM_ASSIGN_OR_RETURN(Statement block,
                             db_.Prepare("SELECT members FROM blocks WHERE run = ? AND first = ?"));
    VEILSUM_RETURN_IF_ERROR(block.Bind(1, run.id).Bind(2, record.block_first).Step().status());
    VEILSUM_ASSIGN_OR_RETURN(const MemberList members, DecodeMembers(block.Text(0)));
    VEILSUM_ASSIGN_OR_RETURN(const bool write, MayFreeze(record, members, survivors));
    if (!write) return absl::OkStatus();
    VEILSUM_ASSIGN_OR_RETURN(
        Statement update,
        db_.Prepare("UPDATE rounds SET state = 1, survivors = ? WHERE run = ? AND round = ?"));
    VEILSUM_RETURN_IF_ERROR(
        update.Bind(1, EncodeMembers(survivors)).Bind(2, run.id).Bind(3, round).Run());
    return transaction.Commit();
  }

  absl::Status Commit(const std::string& run_id, const RoundCommit& commit) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
    VEILSUM_ASSIGN_OR_RETURN(const RoundRecord record, reader_.FindRound(run, commit.round));
    VEILSUM_ASSIGN_OR_RETURN(Statement step,
                             db_.Prepare("SELECT step FROM progress WHERE run = ?"));
    VEILSUM_RETURN_IF_ERROR(step.Bind(1, run.id).Step().status());
    VEILSUM_RETURN_IF_ERROR(MayCommit(record, commit, step.Unsigned(0)));
    VEILSUM_ASSIGN_OR_RETURN(
        Statement update,
        db_.Prepare("UPDATE rounds SET state = 2, step = ?, sum_hash = ?, model_hash = ?, "
                    "survivors = ? WHERE run = ? AND round = ?"));
    update.Bind(1, commit.step)
        .Bind(2, ByteView(commit.sum_hash))
        .Bind(4, EncodeMembers(commit.survivors))
        .Bind(5, run.id)
        .Bind(6, commit.round);
    if (commit.model) update.Bind(3, ByteView(commit.model->hash));
    VEILSUM_RETURN_IF_ERROR(update.Run());
    if (commit.model) VEILSUM_RETURN_IF_ERROR(InsertModel(run.id, *commit.model));
    VEILSUM_ASSIGN_OR_RETURN(
        Statement progress,
        db_.Prepare("UPDATE progress SET step = ?, engine_state = ? WHERE run = ?"));
    VEILSUM_RETURN_IF_ERROR(progress.Bind(1, commit.step)
                                .BindBorrowed(2, ByteView(commit.engine_state))
                                .Bind(3, run.id)
                                .Run());
    return CommitWith(transaction, [&] { return CommitEntries(LedgerRunOf(run.record), commit); });
  }

  absl::Status Abort(const std::string& run_id, std::uint64_t round,
                     const std::string& reason) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
    VEILSUM_ASSIGN_OR_RETURN(const RoundRecord record, reader_.FindRound(run, round));
    VEILSUM_ASSIGN_OR_RETURN(const bool write, MayAbort(record));
    if (!write) return absl::OkStatus();
    VEILSUM_ASSIGN_OR_RETURN(
        Statement update,
        db_.Prepare("UPDATE rounds SET state = 3, reason = ? WHERE run = ? AND round = ?"));
    VEILSUM_RETURN_IF_ERROR(update.Bind(1, reason).Bind(2, run.id).Bind(3, round).Run());
    return CommitWith(transaction,
                      [&] { return AbortEntries(LedgerRunOf(run.record), round, reason); });
  }

  absl::StatusOr<std::uint64_t> RecoverOpenRounds(const std::string& run_id) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> open, OpenRounds(run.id));
    VEILSUM_ASSIGN_OR_RETURN(Statement update,
                             db_.Prepare("UPDATE rounds SET state = 3, reason = ? "
                                         "WHERE run = ? AND state IN (0, 1)"));
    VEILSUM_RETURN_IF_ERROR(update.Bind(1, kRestarted).Bind(2, run.id).Run());
    VEILSUM_RETURN_IF_ERROR(
        CommitWith(transaction, [&] { return RecoveryEntries(LedgerRunOf(run.record), open); }));
    return open.size();
  }

  absl::StatusOr<RunSnapshot> Snapshot(const std::string& run_id) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction,
                             Transaction::Begin(db_));  // one view over several reads
    VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
    return reader_.Snapshot(run);
  }

  absl::StatusOr<RoundRecord> LoadRound(const std::string& run_id, std::uint64_t round) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
    return reader_.FindRound(run, round);
  }

  absl::StatusOr<std::shared_ptr<const Bytes>> LoadModel(const std::string& run_id,
                                                         const Hash32& hash) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
    VEILSUM_ASSIGN_OR_RETURN(Statement select,
                             db_.Prepare("SELECT bytes FROM models WHERE run = ? AND hash = ? "
                                         "ORDER BY sequence DESC LIMIT 1"));
    VEILSUM_ASSIGN_OR_RETURN(const bool found,
                             select.Bind(1, run.id).Bind(2, ByteView(hash)).Step());
    if (!found) return NotFound("run %s keeps no model %s", run_id, HexEncode(hash));
    return std::make_shared<const Bytes>(select.Blob(0));
  }

 private:
  // Makes the transaction durable, with the entries that `entries` gives: LedgerChange or a
  // StatusOr of it.
  template <class Entries>
  absl::Status CommitWith(Transaction& transaction, const Entries& entries) {
    if (!book_) return transaction.Commit();
    VEILSUM_ASSIGN_OR_RETURN(const LedgerChange change, absl::StatusOr<LedgerChange>(entries()));
    VEILSUM_RETURN_IF_ERROR(book_->Stage(change));
    return Finish(transaction);
  }

  absl::Status Finish(Transaction& transaction) {
    const absl::Status durable = transaction.Commit();
    durable.ok() ? book_->Keep() : book_->Drop();
    return durable;
  }

  absl::StatusOr<std::vector<std::uint64_t>> OpenRounds(std::int64_t run) {
    VEILSUM_ASSIGN_OR_RETURN(
        Statement select,
        db_.Prepare("SELECT round FROM rounds WHERE run = ? AND state IN (0, 1) ORDER BY round"));
    select.Bind(1, run);
    std::vector<std::uint64_t> open;
    for (;;) {
      VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
      if (!row) return open;
      open.push_back(select.Unsigned(0));
    }
  }

  absl::Status CheckSame(const StoredRun& old, const RunRecord& run, const ModelRecord& initial) {
    VEILSUM_ASSIGN_OR_RETURN(Statement select,
                             db_.Prepare("SELECT initial_model FROM runs WHERE id = ?"));
    VEILSUM_RETURN_IF_ERROR(select.Bind(1, old.id).Step().status());
    const bool same = old.record.plan == run.plan && old.record.contract == run.contract &&
                      old.record.seed == run.seed &&
                      select.Blob(0) == Bytes(initial.hash.begin(), initial.hash.end());
    if (same) return absl::OkStatus();
    return AlreadyExists("run %s exists with another plan, contract, seed or model", run.run_id);
  }

  absl::Status InsertBlock(std::int64_t run, const Block& block) {
    VEILSUM_ASSIGN_OR_RETURN(
        Statement insert,
        db_.Prepare(
            "INSERT INTO blocks(run, first, last, session, batch, sum_index, setup_hash, members) "
            "VALUES(?, ?, ?, ?, ?, ?, ?, ?)"));
    insert.Bind(1, run)
        .Bind(2, block.first)
        .Bind(3, block.last)
        .Bind(4, ByteView(block.session))
        .Bind(5, block.batch);
    return insert.Bind(6, block.sum_index)
        .Bind(7, ByteView(block.setup_hash))
        .Bind(8, EncodeMembers(block.members))
        .Run();
  }

  absl::Status InsertModel(std::int64_t run, const ModelRecord& model) {
    VEILSUM_ASSIGN_OR_RETURN(
        Statement insert,
        db_.Prepare("INSERT INTO models(run, hash, step, bytes) VALUES(?, ?, ?, ?)"));
    insert.Bind(1, run)
        .Bind(2, ByteView(model.hash))
        .Bind(3, model.step)
        .BindBorrowed(4, ByteView(model.bytes));
    VEILSUM_RETURN_IF_ERROR(insert.Run());
    VEILSUM_ASSIGN_OR_RETURN(
        Statement prune,
        db_.Prepare(
            "DELETE FROM models WHERE run = ?1 AND step > 0 AND sequence NOT IN "
            "(SELECT sequence FROM models WHERE run = ?1 ORDER BY sequence DESC LIMIT ?2)"));
    return prune.Bind(1, run).Bind(2, static_cast<std::int64_t>(kModelsKept)).Run();
  }

  std::mutex mutex_;
  Database db_;
  SqliteRunReader reader_{db_};
  SqliteLedgerShelf shelf_{db_};
  std::unique_ptr<LedgerBook> book_;  // null: without a ledger
};

}  // namespace

absl::StatusOr<std::unique_ptr<RunStore>> OpenSqliteRunStore(const std::filesystem::path& file,
                                                             const SqliteRunStoreOptions& options) {
  Database::Options open;
  open.exclusive = true;
  open.vfs = options.vfs;
  open.on_commit = options.on_commit;
  VEILSUM_ASSIGN_OR_RETURN(Database db, Database::Open(file, open));
  VEILSUM_RETURN_IF_ERROR(db.Migrate(kRunStoreMigrations));
  auto store = std::make_unique<SqliteRunStore>(std::move(db));
  if (options.ledger) VEILSUM_RETURN_IF_ERROR(store->OpenLedger(*options.ledger));
  return store;
}

}  // namespace veilsum::coordinator
