#include "coordinator/store/store_check.h"

#include <algorithm>

#include "base/crypto/sha256.h"
#include "base/crypto/sha256_stream.h"
#include "coordinator/store/ledger_entries.h"
#include "coordinator/store/postgres_database.h"
#include "coordinator/store/postgres_schema.h"
#include "coordinator/store/run_store_rules.h"
#include "coordinator/store/run_store_schema.h"
#include "coordinator/store/sql_ledger_shelf.h"
#include "coordinator/store/sql_run_reader.h"
#include "coordinator/store/sqlite_sql.h"
#include "model/ledger/ledger_rules.h"

namespace veilsum::coordinator {
namespace {

struct OpenedBlock {
  std::uint64_t last = 0;
  std::vector<std::string> members;
};
struct LedgerRunState {                            // what the ledger says of one contract
  std::map<std::uint64_t, OpenedBlock> blocks;     // by first round
  std::map<std::uint64_t, std::string> committed;  // aggregate_sha256, by round
  std::set<std::uint64_t> aborted;
  bool ended = false;
};

class Checker {
 public:
  // `migrations`: what the program knows. The first ones of SQLite were without a ledger.
  Checker(SqlDatabase& db, std::span<const sqlite::Migration> migrations, bool sqlite)
      : db_(db), migrations_(migrations), sqlite_(sqlite), shelf_(db), reader_(db) {}

  absl::Status Run() {
    VEILSUM_RETURN_IF_ERROR(CheckSchema());
    if (sqlite_) VEILSUM_RETURN_IF_ERROR(CheckDatabase());
    VEILSUM_RETURN_IF_ERROR(ReadLedger());
    return CheckRuns();
  }
  StoreCheck Take() { return std::move(out_); }

 private:
  template <class... Args>
  void Fault(const absl::FormatSpec<Args...>& format, const Args&... args) {
    if (out_.faults.size() < kMostFaults) out_.faults.push_back(absl::StrFormat(format, args...));
  }
  absl::Status CheckSchema();
  absl::Status CheckDatabase();
  absl::Status ReadLedger();
  void CheckHead(const ledger::LedgerRules& rules, const tlog::Frontier& tree);
  void Note(const ledger::LedgerRules& rules);
  absl::Status CheckRuns();
  absl::Status CheckRun(const std::string& run_id);
  absl::Status CheckBudgets(const StoredRun& run, const std::vector<Block>& blocks);
  absl::Status CheckModels(const StoredRun& run);
  void CheckBlock(const std::string& run_id, const Block& block, const LedgerRunState& ledger);
  void CheckRound(const std::string& run_id, const RoundRecord& round,
                  const LedgerRunState& ledger);

  SqlDatabase& db_;
  const std::span<const sqlite::Migration> migrations_;
  const bool sqlite_;
  SqlLedgerShelf shelf_;
  SqlRunReader reader_;
  bool has_ledger_ = false;
  std::map<std::string, LedgerRunState> ledger_;  // by contract_hash
  StoreCheck out_;
};

absl::Status Checker::CheckSchema() {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement applied,
                           db_.Prepare("SELECT number, sha256 FROM schema_migrations"));
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, applied.Step());
    if (!row) return absl::OkStatus();
    const std::int64_t number = applied.Int(0);
    const auto known = std::ranges::find(migrations_, number, &sqlite::Migration::number);
    if (known == migrations_.end())
      return FailedPrecondition("the store has schema %d, which this program does not know",
                                number);
    if (applied.Text(1) != HexEncode(Sha256(known->sql)))
      Fault("schema: migration %d was applied with another text", number);
    has_ledger_ = has_ledger_ || !sqlite_ || number >= 2;
  }
}

absl::Status Checker::CheckDatabase() {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement whole, db_.Prepare("PRAGMA integrity_check(20)"));
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, whole.Step());
    if (!row) break;
    if (whole.Text(0) != "ok") Fault("database: %s", whole.Text(0));
  }
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement keys, db_.Prepare("PRAGMA foreign_key_check"));
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, keys.Step());
    if (!row) return absl::OkStatus();
    Fault("database: a row of %s refers to one of %s that is not there", keys.Text(0),
          keys.Text(2));
  }
}

absl::Status Checker::ReadLedger() {
  if (!has_ledger_) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t count, shelf_.Count());
  ledger::LedgerRules rules([this](const Hash32& sha256) { return shelf_.Blob(sha256); });
  tlog::Frontier tree;
  for (std::uint64_t i = 0; i < count; ++i) {
    const absl::StatusOr<Bytes> leaf = shelf_.Leaf(i);
    if (!leaf.ok()) {
      Fault("ledger: entry %d: %s", i, std::string(leaf.status().message()));
      return absl::OkStatus();
    }
    for (const ledger::Finding& finding : rules.Apply(*leaf))
      Fault("ledger: entry %d: %s: %s", i, std::string(finding.code), finding.details);
    tree.Append(tlog::LeafHash(*leaf));
    Note(rules);
  }
  if (count > 0) CheckHead(rules, tree);
  return absl::OkStatus();
}

void Checker::CheckHead(const ledger::LedgerRules& rules, const tlog::Frontier& tree) {
  const absl::StatusOr<std::string> text = shelf_.Head();
  const absl::StatusOr<tlog::Note> note =
      text.ok() ? tlog::Note::Parse(*text) : absl::StatusOr<tlog::Note>(text.status());
  const absl::StatusOr<tlog::VerifierKey> key = tlog::VerifierKey::Parse(rules.log_key());
  if (!note.ok() || !key.ok()) return Fault("ledger: the signed head or its key is not there");
  const absl::StatusOr<tlog::Checkpoint> head = tlog::OpenCheckpoint(*note, *key);
  if (!head.ok()) return Fault("ledger: the head: %s", std::string(head.status().message()));
  out_.head = *head;
  if (head->size != tree.size() || head->root != tree.Root())
    Fault("ledger: the signed head of %d entries is not that of the %d that are there", head->size,
          tree.size());
  const absl::StatusOr<Hash32> stored = tlog::RootOf(shelf_, tree.size());
  if (!stored.ok() || *stored != tree.Root())
    Fault("ledger: the stored hashes are not those of the entries");
}

// What the entry that was taken in last says of a run.
void Checker::Note(const ledger::LedgerRules& rules) {
  const auto& entry = rules.last_entry();
  if (entry == nullptr || !entry->body.contains("contract_hash")) return;
  const std::string contract = entry->body.value("contract_hash", "");
  LedgerRunState& run = ledger_[contract];
  const auto round = [&] { return entry->body.value("round", std::uint64_t{0}); };
  if (entry->type == "rounds.opened") {
    const auto known = rules.runs().find(contract);
    run.blocks[entry->body.value("first", std::uint64_t{0})] = {
        entry->body.value("last", std::uint64_t{0}),
        known == rules.runs().end() ? std::vector<std::string>() : known->second.members};
  } else if (entry->type == "round.committed") {
    run.committed[round()] = entry->body.value("aggregate_sha256", "");
  } else if (entry->type == "round.aborted") {
    run.aborted.insert(round());
  } else if (entry->type == "run.ended") {
    run.ended = true;
  }
}

absl::Status Checker::CheckRuns() {
  std::vector<std::string> ids;
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement runs, db_.Prepare("SELECT run_id FROM runs ORDER BY id"));
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, runs.Step());
    if (!row) break;
    ids.push_back(runs.Text(0));
  }
  for (const std::string& id : ids) VEILSUM_RETURN_IF_ERROR(CheckRun(id));
  for (const auto& [contract, run] : ledger_)
    Fault("ledger: the contract %s is of no run in the store", contract);
  return absl::OkStatus();
}

absl::Status Checker::CheckRun(const std::string& run_id) {
  ++out_.runs;
  VEILSUM_ASSIGN_OR_RETURN(const StoredRun run, reader_.Find(run_id));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<Block> blocks, reader_.Blocks(run));
  VEILSUM_RETURN_IF_ERROR(CheckBudgets(run, blocks));
  VEILSUM_RETURN_IF_ERROR(CheckModels(run));
  const auto found = ledger_.extract(LedgerRunOf(run.record).contract_hash);
  if (found.empty() && has_ledger_ && out_.head.size > 0)
    Fault("run %s: the ledger has not registered its contract", run_id);
  const LedgerRunState& ledger = found.empty() ? LedgerRunState() : found.mapped();
  std::set<std::uint64_t> firsts;
  for (const Block& block : blocks) {
    firsts.insert(block.first);
    if (!found.empty()) CheckBlock(run_id, block, ledger);
    for (std::uint64_t r = block.first; r <= block.last; ++r) {
      ++out_.rounds;
      const absl::StatusOr<RoundRecord> round = reader_.FindRound(run, r);
      if (!round.ok())
        Fault("run %s: round %d was charged and is not there", run_id, r);
      else if (!found.empty())
        CheckRound(run_id, *round, ledger);
    }
  }
  for (const auto& [first, block] : ledger.blocks)
    if (!firsts.contains(first))
      Fault("run %s: the ledger has opened rounds %d to %d, the store has not", run_id, first,
            block.last);
  if (!found.empty() && ledger.ended != IsFinalRunState(run.record.state))
    Fault("run %s: it is %s in the store, and %s in the ledger", run_id, run.record.state,
          ledger.ended ? "over" : "not over");
  return absl::OkStatus();
}

void Checker::CheckBlock(const std::string& run_id, const Block& block,
                         const LedgerRunState& ledger) {
  const auto opened = ledger.blocks.find(block.first);
  if (opened == ledger.blocks.end() || opened->second.last != block.last ||
      opened->second.members != block.members)
    Fault("run %s: rounds %d to %d are not opened so in the ledger: SE-09", run_id, block.first,
          block.last);
}

void Checker::CheckRound(const std::string& run_id, const RoundRecord& round,
                         const LedgerRunState& ledger) {
  const auto committed = ledger.committed.find(round.round);
  const bool is_committed = round.state == RoundState::kCommitted;
  if (is_committed != (committed != ledger.committed.end()) ||
      (is_committed && committed->second != HexEncode(round.sum_hash)))
    Fault("run %s: round %d: what the store has committed is not what the ledger has", run_id,
          round.round);
  if ((round.state == RoundState::kAborted) != ledger.aborted.contains(round.round))
    Fault("run %s: round %d: only one of store and ledger says that it was aborted", run_id,
          round.round);
}

// SE-07: every member of V is charged every attempt of its blocks.
absl::Status Checker::CheckBudgets(const StoredRun& run, const std::vector<Block>& blocks) {
  std::map<std::string, std::uint64_t> expected;
  for (const Block& block : blocks)
    for (const std::string& member : block.members)
      expected[member] += block.last - block.first + 1;
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement rows,
                           db_.Prepare("SELECT member, attempts FROM budgets WHERE run = $1"));
  rows.Bind(1, run.id);
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) break;
    const std::string member = rows.Text(0);
    if (expected[member] != rows.Unsigned(1))
      Fault("run %s: %s is charged %d attempts, its blocks have %d: SE-07", run.record.run_id,
            member, rows.Unsigned(1), expected[member]);
    expected.erase(member);
  }
  for (const auto& [member, attempts] : expected)
    Fault("run %s: %s is charged nothing, its blocks have %d attempts: SE-07", run.record.run_id,
          member, attempts);
  return absl::OkStatus();
}

absl::Status Checker::CheckModels(const StoredRun& run) {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement rows,
                           db_.Prepare("SELECT step, hash, bytes FROM models WHERE run = $1"));
  rows.Bind(1, run.id);
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return absl::OkStatus();
    const Hash32 hash = Sha256Stream("fsa/v1/model").Add(rows.Blob(2)).Finish();  // SE-18
    if (!std::ranges::equal(hash, rows.Blob(1)))
      Fault("run %s: the model of step %d is not the one that its hash names", run.record.run_id,
            rows.Int(0));
  }
}

}  // namespace

absl::StatusOr<StoreCheck> CheckStore(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return NotFound("%s: no such file", file.string());
  sqlite::Database::Options options;
  options.exclusive = true;
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Database db, sqlite::Database::Open(file, options));
  SqliteSql sql(db);
  Checker checker(sql, kRunStoreMigrations, /*sqlite=*/true);
  VEILSUM_RETURN_IF_ERROR(checker.Run());
  return checker.Take();
}

absl::StatusOr<StoreCheck> CheckPostgresStore(const PostgresPlace& place) {
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<PostgresDatabase> db, PostgresDatabase::Connect(place));
  // One view over all reads; nothing waits for it.
  VEILSUM_RETURN_IF_ERROR(db->Execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  Checker checker(*db, kPostgresMigrations, /*sqlite=*/false);
  VEILSUM_RETURN_IF_ERROR(checker.Run());
  return checker.Take();
}

}  // namespace veilsum::coordinator
