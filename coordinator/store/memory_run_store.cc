// The memory back end: for tests of what stands above the store. It forgets on destruction,
// otherwise the same contract.
#include <algorithm>
#include <mutex>

#include "coordinator/store/ledger_appender.h"
#include "coordinator/store/ledger_book.h"
#include "coordinator/store/run_store.h"
#include "coordinator/store/run_store_rules.h"

namespace veilsum::coordinator {
namespace {

struct KeptModel {
  Hash32 hash;
  std::uint64_t step;
  std::shared_ptr<const Bytes> bytes;
};

struct Run {
  RunRecord record;
  Hash32 initial_hash;
  std::map<std::string, Approval> approvals;
  std::vector<Block> blocks;
  std::map<std::uint64_t, RoundRecord> rounds;
  std::map<std::string, std::uint64_t> charged;
  std::vector<KeptModel> models;  // oldest first
  std::uint64_t step = 0;
  Bytes engine_state;

  std::uint64_t last_opened() const { return rounds.empty() ? 0 : rounds.rbegin()->first; }
};

void Prune(std::vector<KeptModel>& models) {
  const std::size_t old = models.size() - std::min(models.size(), kModelsKept);
  std::vector<KeptModel> kept;
  for (std::size_t i = 0; i < models.size(); ++i)
    if (i >= old || models[i].step == 0) kept.push_back(std::move(models[i]));
  models = std::move(kept);
}

class MemoryRunStore final : public RunStore, public LedgerAppender {
 public:
  absl::Status CreateRun(const RunRecord& run, const ModelRecord& initial,
                         ByteView engine_state) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_RETURN_IF_ERROR(CheckNewRun(run, initial));
    if (auto found = Find(run.run_id); found.ok()) {
      const Run& old = **found;
      if (old.record.plan == run.plan && old.record.contract == run.contract &&
          old.record.seed == run.seed && old.initial_hash == initial.hash)
        return absl::OkStatus();
      return AlreadyExists("run %s exists with another plan, contract, seed or model", run.run_id);
    }
    VEILSUM_RETURN_IF_ERROR(Record([&] { return NewRunEntries(run); }));
    Run fresh;
    fresh.record = run;
    fresh.initial_hash = initial.hash;
    fresh.engine_state.assign(engine_state.begin(), engine_state.end());
    fresh.models.push_back({initial.hash, 0, std::make_shared<const Bytes>(initial.bytes)});
    runs_.push_back(std::move(fresh));
    return absl::OkStatus();
  }

  absl::StatusOr<RunRecord> LoadRun(const std::string& run_id) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(const Run* run, Find(run_id));
    return run->record;
  }

  absl::StatusOr<std::vector<std::string>> UnfinishedRuns() override {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> ids;
    for (auto run = runs_.rbegin(); run != runs_.rend(); ++run)
      if (!IsFinalRunState(run->record.state)) ids.push_back(run->record.run_id);
    return ids;
  }

  absl::Status SetRunState(const std::string& run_id, const std::string& state,
                           const std::string& reason) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Run * run, Find(run_id));
    VEILSUM_ASSIGN_OR_RETURN(const bool write, MaySetState(run->record, state));
    if (!write) return absl::OkStatus();
    if (IsFinalRunState(state))
      VEILSUM_RETURN_IF_ERROR(
          Record([&] { return RunEndEntries(LedgerRunOf(run->record), state, book_->rules()); }));
    run->record.state = state;
    run->record.reason = reason;
    return absl::OkStatus();
  }

  absl::Status SaveApproval(const std::string& run_id, const Approval& approval) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_RETURN_IF_ERROR(CheckApproval(approval));
    VEILSUM_ASSIGN_OR_RETURN(Run * run, Find(run_id));
    VEILSUM_RETURN_IF_ERROR(Record(
        [&] { return ApprovalEntries(LedgerRunOf(run->record), approval, book_->rules()); }));
    run->approvals[approval.member] = approval;
    return absl::OkStatus();
  }

  absl::Status OpenBlock(const std::string& run_id, const Block& block) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_RETURN_IF_ERROR(CheckBlock(block));
    VEILSUM_ASSIGN_OR_RETURN(Run * run, Find(run_id));
    VEILSUM_RETURN_IF_ERROR(MayOpen(run->record, run->last_opened(), block));
    for (const Block& old : run->blocks)
      if (old.session == block.session && old.batch == block.batch)
        return FailedPrecondition("batch %d of this session was opened before", block.batch);
    VEILSUM_RETURN_IF_ERROR(Record([&] { return BlockEntries(LedgerRunOf(run->record), block); }));
    run->blocks.push_back(block);
    for (std::uint64_t round = block.first; round <= block.last; ++round) {
      RoundRecord& record = run->rounds[round];
      record.round = round;
      record.slot = static_cast<std::uint32_t>(round - block.first);
      record.block_first = block.first;
    }
    for (const std::string& member : block.members)
      run->charged[member] += block.last - block.first + 1;
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<Block>> Blocks(const std::string& run_id) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(const Run* run, Find(run_id));
    return run->blocks;
  }

  absl::Status Freeze(const std::string& run_id, std::uint64_t round,
                      const MemberList& survivors) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Run * run, Find(run_id));
    VEILSUM_ASSIGN_OR_RETURN(RoundRecord * record, FindRound(*run, round));
    const auto block = std::ranges::find(run->blocks, record->block_first, &Block::first);
    VEILSUM_ASSIGN_OR_RETURN(const bool write, MayFreeze(*record, block->members, survivors));
    if (!write) return absl::OkStatus();
    record->state = RoundState::kFrozen;
    record->survivors = survivors;
    return absl::OkStatus();
  }

  absl::Status Commit(const std::string& run_id, const RoundCommit& commit) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Run * run, Find(run_id));
    VEILSUM_ASSIGN_OR_RETURN(RoundRecord * record, FindRound(*run, commit.round));
    VEILSUM_RETURN_IF_ERROR(MayCommit(*record, commit, run->step));
    VEILSUM_RETURN_IF_ERROR(
        Record([&] { return CommitEntries(LedgerRunOf(run->record), commit); }));
    record->state = RoundState::kCommitted;
    record->survivors = commit.survivors;
    record->step = commit.step;
    record->sum_hash.assign(commit.sum_hash.begin(), commit.sum_hash.end());
    if (commit.model) {
      record->model_hash.assign(commit.model->hash.begin(), commit.model->hash.end());
      run->models.push_back(
          {commit.model->hash, commit.step, std::make_shared<const Bytes>(commit.model->bytes)});
      Prune(run->models);
    }
    run->step = commit.step;
    run->engine_state = commit.engine_state;
    return absl::OkStatus();
  }

  absl::Status Abort(const std::string& run_id, std::uint64_t round,
                     const std::string& reason) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Run * run, Find(run_id));
    VEILSUM_ASSIGN_OR_RETURN(RoundRecord * record, FindRound(*run, round));
    VEILSUM_ASSIGN_OR_RETURN(const bool write, MayAbort(*record));
    if (!write) return absl::OkStatus();
    VEILSUM_RETURN_IF_ERROR(
        Record([&] { return AbortEntries(LedgerRunOf(run->record), round, reason); }));
    record->state = RoundState::kAborted;
    record->reason = reason;
    return absl::OkStatus();
  }

  absl::StatusOr<std::uint64_t> RecoverOpenRounds(const std::string& run_id) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Run * run, Find(run_id));
    std::vector<std::uint64_t> open;
    for (const auto& [number, round] : run->rounds)
      if (round.state == RoundState::kOpened || round.state == RoundState::kFrozen)
        open.push_back(number);
    VEILSUM_RETURN_IF_ERROR(
        Record([&] { return RecoveryEntries(LedgerRunOf(run->record), open); }));
    for (const std::uint64_t number : open) {
      run->rounds[number].state = RoundState::kAborted;
      run->rounds[number].reason = kRestarted;
    }
    return open.size();
  }

  absl::StatusOr<RunSnapshot> Snapshot(const std::string& run_id) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(const Run* run, Find(run_id));
    RunSnapshot out;
    out.run = run->record;
    out.last_opened = run->last_opened();
    out.charged = run->charged;
    out.step = run->step;
    out.engine_state = run->engine_state;
    out.latest_model = HexEncode(run->models.back().hash);
    out.latest_model_bytes = run->models.back().bytes;
    for (const auto& [member, approval] : run->approvals) out.approvals.push_back(approval);
    for (const auto& [number, round] : run->rounds) {
      if (round.state == RoundState::kAborted) ++out.aborted;
      if (round.state == RoundState::kOpened || round.state == RoundState::kFrozen)
        out.open_rounds.push_back(round);
      if (round.state != RoundState::kCommitted || round.model_hash.empty()) continue;
      out.last_survivors = static_cast<std::uint32_t>(round.survivors.size());
      out.min_survivors =
          std::min(out.min_survivors.value_or(out.last_survivors), out.last_survivors);
    }
    return out;
  }

  absl::StatusOr<RoundRecord> LoadRound(const std::string& run_id, std::uint64_t round) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Run * run, Find(run_id));
    VEILSUM_ASSIGN_OR_RETURN(const RoundRecord* record, FindRound(*run, round));
    return *record;
  }

  absl::StatusOr<std::shared_ptr<const Bytes>> LoadModel(const std::string& run_id,
                                                         const Hash32& hash) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(const Run* run, Find(run_id));
    for (auto model = run->models.rbegin(); model != run->models.rend(); ++model)
      if (model->hash == hash) return model->bytes;
    return NotFound("run %s keeps no model %s", run_id, HexEncode(hash));
  }

  absl::Status OpenLedger(LedgerOptions options) {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(book_, LedgerBook::Restore(std::move(options), shelf_, mutex_));
    book_->Keep();
    return absl::OkStatus();
  }
  LedgerView* ledger() override { return book_.get(); }
  LedgerAppender* appender() override { return book_ ? this : nullptr; }
  absl::Status AppendEntries(const Make& make) override {
    const std::lock_guard lock(mutex_);
    if (!book_) return FailedPrecondition("the store keeps no ledger");
    return Record([&] { return make(book_->rules()); });
  }

 private:
  // The last thing that can fail in a transaction.
  template <class Entries>
  absl::Status Record(const Entries& entries) {
    if (!book_) return absl::OkStatus();
    VEILSUM_ASSIGN_OR_RETURN(const LedgerChange change, absl::StatusOr<LedgerChange>(entries()));
    VEILSUM_RETURN_IF_ERROR(book_->Stage(change));
    book_->Keep();
    return absl::OkStatus();
  }
  absl::StatusOr<Run*> Find(const std::string& run_id) {
    for (Run& run : runs_)
      if (run.record.run_id == run_id) return &run;
    return NotFound("there is no run %s", run_id);
  }
  static absl::StatusOr<RoundRecord*> FindRound(Run& run, std::uint64_t round) {
    const auto found = run.rounds.find(round);
    if (found == run.rounds.end())
      return NotFound("run %s has opened no round %d", run.record.run_id, round);
    return &found->second;
  }

  std::mutex mutex_;
  std::vector<Run> runs_;  // in the order of creation
  MemoryLedgerShelf shelf_;
  std::unique_ptr<LedgerBook> book_;  // null: without a ledger
};

}  // namespace

std::unique_ptr<RunStore> NewMemoryRunStore() { return std::make_unique<MemoryRunStore>(); }

absl::StatusOr<std::unique_ptr<RunStore>> NewMemoryRunStore(LedgerOptions ledger) {
  auto store = std::make_unique<MemoryRunStore>();
  VEILSUM_RETURN_IF_ERROR(store->OpenLedger(std::move(ledger)));
  return store;
}

}  // namespace veilsum::coordinator
