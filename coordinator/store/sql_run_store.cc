#include "coordinator/store/sql_run_store.h"

#include <algorithm>

#include "coordinator/store/run_store_rules.h"

namespace veilsum::coordinator {
namespace {

// PostgreSQL keeps no text with a zero byte.
std::string Storable(std::string reason) {
  std::ranges::replace(reason, '\0', '?');
  return reason;
}

}  // namespace

absl::Status SqlRunStore::OpenLedger(LedgerOptions options, std::uint64_t term) {
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  VEILSUM_ASSIGN_OR_RETURN(book_, LedgerBook::Restore(std::move(options), shelf_, mutex_, term));
  return Finish(transaction);
}

absl::Status SqlRunStore::AppendEntries(const Make& make) {
  const std::lock_guard lock(mutex_);
  if (!book_) return FailedPrecondition("the store keeps no ledger");
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  return CommitWith(transaction, [&] { return make(book_->rules()); });
}

absl::Status SqlRunStore::CreateRun(const RunRecord& run, const ModelRecord& initial,
                                    ByteView engine_state) {
  const std::lock_guard lock(mutex_);
  VEILSUM_RETURN_IF_ERROR(CheckNewRun(run, initial));
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  if (auto old = reader_.Find(run.run_id); old.ok()) return CheckSame(*old, run, initial);
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement insert,
      db_.Prepare("INSERT INTO runs(run_id, plan, contract, seed, initial_model, state, reason) "
                  "VALUES($1, $2, $3, $4, $5, $6, $7) RETURNING id"));
  insert.Bind(1, run.run_id).Bind(2, run.plan).Bind(3, run.contract).Bind(4, run.seed);
  insert.Bind(5, ByteView(initial.hash)).Bind(6, run.state).Bind(7, run.reason);
  VEILSUM_RETURN_IF_ERROR(insert.Step().status());
  const std::int64_t id = insert.Int(0);
  VEILSUM_RETURN_IF_ERROR(insert.Run());
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement progress,
      db_.Prepare("INSERT INTO progress(run, step, engine_state) VALUES($1, 0, $2)"));
  VEILSUM_RETURN_IF_ERROR(progress.Bind(1, id).Bind(2, engine_state).Run());
  VEILSUM_RETURN_IF_ERROR(InsertModel(id, initial));
  return CommitWith(transaction, [&] { return NewRunEntries(run); });
}

absl::StatusOr<RunRecord> SqlRunStore::LoadRun(const std::string& run_id) {
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(StoredRun run, reader_.Find(run_id));
  return std::move(run.record);
}

absl::StatusOr<std::vector<std::string>> SqlRunStore::UnfinishedRuns() {
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select,
                           db_.Prepare("SELECT run_id FROM runs WHERE state NOT IN "
                                       "('finished', 'stopped', 'failed') ORDER BY id DESC"));
  std::vector<std::string> ids;
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return ids;
    ids.push_back(select.Text(0));
  }
}

absl::Status SqlRunStore::SetRunState(const std::string& run_id, const std::string& state,
                                      const std::string& reason) {
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
  VEILSUM_ASSIGN_OR_RETURN(const bool write, MaySetState(run.record, state));
  if (!write) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement update,
                           db_.Prepare("UPDATE runs SET state = $1, reason = $2 WHERE id = $3"));
  VEILSUM_RETURN_IF_ERROR(update.Bind(1, state).Bind(2, Storable(reason)).Bind(3, run.id).Run());
  if (!IsFinalRunState(state)) return transaction.Commit();
  return CommitWith(transaction,
                    [&] { return RunEndEntries(LedgerRunOf(run.record), state, book_->rules()); });
}

absl::Status SqlRunStore::SaveApproval(const std::string& run_id, const Approval& approval) {
  const std::lock_guard lock(mutex_);
  VEILSUM_RETURN_IF_ERROR(CheckApproval(approval));
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement insert,
      db_.Prepare(
          "INSERT INTO approvals(run, member, signature, certificate) VALUES($1, $2, $3, $4) "
          "ON CONFLICT(run, member) DO UPDATE SET signature = excluded.signature, "
          "certificate = excluded.certificate"));
  insert.Bind(1, run.id).Bind(2, approval.member).Bind(3, ByteView(approval.signature));
  VEILSUM_RETURN_IF_ERROR(insert.Bind(4, ByteView(approval.certificate)).Run());
  return CommitWith(transaction, [&] {
    return ApprovalEntries(LedgerRunOf(run.record), approval, book_->rules());
  });
}

absl::Status SqlRunStore::OpenBlock(const std::string& run_id, const Block& block) {
  const std::lock_guard lock(mutex_);
  VEILSUM_RETURN_IF_ERROR(CheckBlock(block));
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
  VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t last_opened, reader_.LastOpened(run.id));
  VEILSUM_RETURN_IF_ERROR(MayOpen(run.record, last_opened, block));
  VEILSUM_RETURN_IF_ERROR(
      InsertBlock(run.id, block));  // the index on (session, batch) refuses a repetition
  VEILSUM_RETURN_IF_ERROR(InsertRounds(run.id, block));
  VEILSUM_RETURN_IF_ERROR(ChargeMembers(run.id, block));
  return CommitWith(transaction, [&] { return BlockEntries(LedgerRunOf(run.record), block); });
}

absl::StatusOr<std::vector<Block>> SqlRunStore::Blocks(const std::string& run_id) {
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
  return reader_.Blocks(run);
}

absl::Status SqlRunStore::Freeze(const std::string& run_id, std::uint64_t round,
                                 const MemberList& survivors) {
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
  VEILSUM_ASSIGN_OR_RETURN(const RoundRecord record, reader_.FindRound(run, round));
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement block,
                           db_.Prepare("SELECT members FROM blocks WHERE run = $1 AND first = $2"));
  VEILSUM_RETURN_IF_ERROR(block.Bind(1, run.id).Bind(2, record.block_first).Step().status());
  VEILSUM_ASSIGN_OR_RETURN(const MemberList members, DecodeMembers(block.Text(0)));
  VEILSUM_ASSIGN_OR_RETURN(const bool write, MayFreeze(record, members, survivors));
  if (!write) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement update,
      db_.Prepare("UPDATE rounds SET state = 1, survivors = $1 WHERE run = $2 AND round = $3"));
  VEILSUM_RETURN_IF_ERROR(
      update.Bind(1, EncodeMembers(survivors)).Bind(2, run.id).Bind(3, round).Run());
  return transaction.Commit();
}

absl::Status SqlRunStore::Commit(const std::string& run_id, const RoundCommit& commit) {
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
  VEILSUM_ASSIGN_OR_RETURN(const RoundRecord record, reader_.FindRound(run, commit.round));
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement step,
                           db_.Prepare("SELECT step FROM progress WHERE run = $1"));
  VEILSUM_RETURN_IF_ERROR(step.Bind(1, run.id).Step().status());
  VEILSUM_RETURN_IF_ERROR(MayCommit(record, commit, step.Unsigned(0)));
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement update,
      db_.Prepare("UPDATE rounds SET state = 2, step = $1, sum_hash = $2, model_hash = $3, "
                  "survivors = $4 WHERE run = $5 AND round = $6"));
  update.Bind(1, commit.step)
      .Bind(2, ByteView(commit.sum_hash))
      .Bind(4, EncodeMembers(commit.survivors))
      .Bind(5, run.id)
      .Bind(6, commit.round);
  if (commit.model) update.Bind(3, ByteView(commit.model->hash));
  VEILSUM_RETURN_IF_ERROR(update.Run());
  if (commit.model) VEILSUM_RETURN_IF_ERROR(InsertModel(run.id, *commit.model));
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement progress,
      db_.Prepare("UPDATE progress SET step = $1, engine_state = $2 WHERE run = $3"));
  VEILSUM_RETURN_IF_ERROR(progress.Bind(1, commit.step)
                              .BindBorrowed(2, ByteView(commit.engine_state))
                              .Bind(3, run.id)
                              .Run());
  return CommitWith(transaction, [&] { return CommitEntries(LedgerRunOf(run.record), commit); });
}

absl::Status SqlRunStore::Abort(const std::string& run_id, std::uint64_t round,
                                const std::string& reason) {
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
  VEILSUM_ASSIGN_OR_RETURN(const RoundRecord record, reader_.FindRound(run, round));
  VEILSUM_ASSIGN_OR_RETURN(const bool write, MayAbort(record));
  if (!write) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement update,
      db_.Prepare("UPDATE rounds SET state = 3, reason = $1 WHERE run = $2 AND round = $3"));
  VEILSUM_RETURN_IF_ERROR(update.Bind(1, Storable(reason)).Bind(2, run.id).Bind(3, round).Run());
  return CommitWith(transaction,
                    [&] { return AbortEntries(LedgerRunOf(run.record), round, reason); });
}

absl::StatusOr<std::uint64_t> SqlRunStore::RecoverOpenRounds(const std::string& run_id) {
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction, SqlTransaction::Begin(db_));
  VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> open, OpenRounds(run.id));
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement update,
                           db_.Prepare("UPDATE rounds SET state = 3, reason = $1 "
                                       "WHERE run = $2 AND state IN (0, 1)"));
  VEILSUM_RETURN_IF_ERROR(update.Bind(1, kRestarted).Bind(2, run.id).Run());
  VEILSUM_RETURN_IF_ERROR(
      CommitWith(transaction, [&] { return RecoveryEntries(LedgerRunOf(run.record), open); }));
  return open.size();
}

absl::StatusOr<RunSnapshot> SqlRunStore::Snapshot(const std::string& run_id) {
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(SqlTransaction transaction,
                           SqlTransaction::Begin(db_));  // one view over several reads
  VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
  return reader_.Snapshot(run);
}

absl::StatusOr<RoundRecord> SqlRunStore::LoadRound(const std::string& run_id, std::uint64_t round) {
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
  return reader_.FindRound(run, round);
}

absl::StatusOr<std::shared_ptr<const Bytes>> SqlRunStore::LoadModel(const std::string& run_id,
                                                                    const Hash32& hash) {
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select,
                           db_.Prepare("SELECT bytes FROM models WHERE run = $1 AND hash = $2 "
                                       "ORDER BY sequence DESC LIMIT 1"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, run.id).Bind(2, ByteView(hash)).Step());
  if (!found) return NotFound("run %s keeps no model %s", run_id, HexEncode(hash));
  return std::make_shared<const Bytes>(select.Blob(0));
}

// Makes the transaction durable, with the entries that `entries` gives: LedgerChange or a
// StatusOr of it.
template <class Entries>
absl::Status SqlRunStore::CommitWith(SqlTransaction& transaction, const Entries& entries) {
  if (!book_) return transaction.Commit();
  VEILSUM_ASSIGN_OR_RETURN(const LedgerChange change, absl::StatusOr<LedgerChange>(entries()));
  VEILSUM_RETURN_IF_ERROR(book_->Stage(change));
  return Finish(transaction);
}

absl::Status SqlRunStore::Finish(SqlTransaction& transaction) {
  const absl::Status durable = transaction.Commit();
  durable.ok() ? book_->Keep() : book_->Drop();
  return durable;
}

absl::StatusOr<std::vector<std::uint64_t>> SqlRunStore::OpenRounds(std::int64_t run) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement select,
      db_.Prepare("SELECT round FROM rounds WHERE run = $1 AND state IN (0, 1) ORDER BY round"));
  select.Bind(1, run);
  std::vector<std::uint64_t> open;
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return open;
    open.push_back(select.Unsigned(0));
  }
}

absl::Status SqlRunStore::CheckSame(const StoredRun& old, const RunRecord& run,
                                    const ModelRecord& initial) {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select,
                           db_.Prepare("SELECT initial_model FROM runs WHERE id = $1"));
  VEILSUM_RETURN_IF_ERROR(select.Bind(1, old.id).Step().status());
  const bool same = old.record.plan == run.plan && old.record.contract == run.contract &&
                    old.record.seed == run.seed &&
                    select.Blob(0) == Bytes(initial.hash.begin(), initial.hash.end());
  if (same) return absl::OkStatus();
  return AlreadyExists("run %s exists with another plan, contract, seed or model", run.run_id);
}

absl::Status SqlRunStore::InsertBlock(std::int64_t run, const Block& block) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement insert,
      db_.Prepare(
          "INSERT INTO blocks(run, first, last, session, batch, sum_index, setup_hash, members) "
          "VALUES($1, $2, $3, $4, $5, $6, $7, $8)"));
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

absl::Status SqlRunStore::InsertRounds(std::int64_t run, const Block& block) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement insert,
      db_.Prepare("INSERT INTO rounds(run, round, block_first, slot, state) "
                  "WITH RECURSIVE numbers(n) AS "
                  "(SELECT $1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $2) "
                  "SELECT $3, n, $4, n - $4, 0 FROM numbers"));
  return insert.Bind(1, block.first).Bind(2, block.last).Bind(3, run).Bind(4, block.first).Run();
}

// Many members a statement: each costs a way to the server and back.
absl::Status SqlRunStore::ChargeMembers(std::int64_t run, const Block& block) {
  constexpr std::size_t kAtOnce = 256;
  const std::span<const std::string> all(block.members);
  for (std::size_t at = 0; at < all.size(); at += kAtOnce) {
    const auto part = all.subspan(at, std::min(kAtOnce, all.size() - at));
    std::string sql = "INSERT INTO budgets(run, attempts, member) VALUES";
    for (std::size_t i = 0; i < part.size(); ++i)
      sql += absl::StrFormat("%s($1, $2, $%d)", i == 0 ? "" : ", ", i + 3);
    VEILSUM_ASSIGN_OR_RETURN(
        SqlStatement charge,
        db_.Prepare(sql + " ON CONFLICT(run, member) DO UPDATE "
                          "SET attempts = budgets.attempts + excluded.attempts"));
    charge.Bind(1, run).Bind(2, block.last - block.first + 1);
    for (std::size_t i = 0; i < part.size(); ++i) charge.Bind(static_cast<int>(i) + 3, part[i]);
    VEILSUM_RETURN_IF_ERROR(charge.Run());
  }
  return absl::OkStatus();
}

absl::Status SqlRunStore::InsertModel(std::int64_t run, const ModelRecord& model) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement insert,
      db_.Prepare("INSERT INTO models(run, hash, step, bytes) VALUES($1, $2, $3, $4)"));
  insert.Bind(1, run)
      .Bind(2, ByteView(model.hash))
      .Bind(3, model.step)
      .BindBorrowed(4, ByteView(model.bytes));
  VEILSUM_RETURN_IF_ERROR(insert.Run());
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement prune,
      db_.Prepare("DELETE FROM models WHERE run = $1 AND step > 0 AND sequence NOT IN "
                  "(SELECT sequence FROM models WHERE run = $1 ORDER BY sequence DESC LIMIT $2)"));
  return prune.Bind(1, run).Bind(2, static_cast<std::int64_t>(kModelsKept)).Run();
}

}  // namespace veilsum::coordinator
