// What the coordinator must not forget: runs, approvals, charged blocks, rounds, models (SE-05,
// SE-07, SE-10; SA-22). Two back ends share this contract (tests/conformance/run_store_test.cc):
// SQLite for real runs, memory for tests.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "coordinator/store/ledger_view.h"

namespace veilsum::coordinator {

inline constexpr std::uint64_t kMaxBlockAttempts = 64;  // key_batch is at most 64
inline constexpr std::size_t kModelsKept = 8;           // the latest, besides those of step 0

using MemberList = std::vector<std::string>;  // SPIFFE URIs of seats, strictly ascending

struct RunRecord {
  std::string run_id;
  std::string plan;      // canonical JSON
  std::string contract;  // canonical JSON
  std::uint64_t seed = 0;
  std::string state = "approving";  // as RunProgress.state; finished, stopped and failed are final
  std::string reason;
  friend bool operator==(const RunRecord&, const RunRecord&) = default;
};
inline bool IsFinalRunState(std::string_view state) {
  return state == "finished" || state == "stopped" || state == "failed";
}

struct Approval {
  std::string member;
  Bytes signature;    // 64 bytes
  Bytes certificate;  // DER of the signing certificate
  // The key in it, as the caller has verified it: for the ledger, which needs one. Not kept here.
  std::optional<Ed25519PublicKey> key = std::nullopt;
  // The seat's signed statement of its tenant's policy: for the ledger alone; empty: none. Not kept
  // here.
  Bytes policy{};
  friend bool operator==(const Approval&, const Approval&) = default;
};

// One key batch of attempts, opened and charged as a whole: the ledger's rounds.opened.
struct Block {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  Bytes session;  // 16 bytes
  std::uint32_t batch = 0;
  std::uint32_t sum_index = 0;
  Bytes setup_hash;    // 32 bytes: with the slot, the unit of every one-shot rule (SA-22)
  MemberList members;  // the certified V
  friend bool operator==(const Block&, const Block&) = default;
};

enum class RoundState {
  kOpened = 0,
  kFrozen = 1,
  kCommitted = 2,
  kAborted = 3
};  // these numbers are on disk

struct RoundRecord {
  std::uint64_t round = 0;
  std::uint32_t slot = 0;  // round - block.first
  std::uint64_t block_first = 0;
  RoundState state = RoundState::kOpened;
  MemberList survivors;    // U, once frozen
  std::uint64_t step = 0;  // published steps after it, once committed
  Bytes sum_hash;          // 32 bytes, once committed
  Bytes model_hash;        // 32 bytes, when the commit published a model
  std::string reason;      // once aborted
  friend bool operator==(const RoundRecord&, const RoundRecord&) = default;
};

struct ModelRecord {
  Hash32 hash{};  // model hash of SE-18; the store does not recompute it
  std::uint64_t step = 0;
  Bytes bytes;
  friend bool operator==(const ModelRecord&, const ModelRecord&) = default;
};

struct RoundCommit {
  std::uint64_t round = 0;
  MemberList survivors;  // with `lost` the frozen U; from the commit on the round's survivors
  std::uint64_t step = 0;
  Hash32 sum_hash{};
  std::optional<ModelRecord> model;  // none: a sum that publishes no model (private statistics)
  Bytes engine_state;  // opaque to the store: optimizer moments, what the next step needs
  // Of U, but not in the sum: their cohort failed after the freeze.
  MemberList lost;
};

struct RunSnapshot {
  RunRecord run;
  std::uint64_t last_opened = 0;                    // 0: none
  std::map<std::string, std::uint64_t> charged;     // attempts, by member (SE-07)
  std::uint64_t aborted = 0;                        // attempts spent without a result
  std::uint64_t step = 0;                           // of the last commit
  std::uint32_t last_survivors = 0;                 // of the last commit that published a model
  std::optional<std::uint32_t> min_survivors;       // the least over those commits
  std::optional<std::string> latest_model;          // hex of its hash
  std::shared_ptr<const Bytes> latest_model_bytes;  // null before the first
  Bytes engine_state;
  std::vector<RoundRecord> open_rounds;  // opened or frozen, ascending
  std::vector<Approval> approvals;       // ascending member
};

class LedgerAppender;

// Each call is one transaction, durable when it returns OK; after an error nothing has changed.
// With a ledger the entry that tells of the change is part of it (FailedPrecondition with a
// finding's code: the ledger's rules forbid the change). Thread-safe: calls are serialised inside.
// NotFound: no such run (or block, round, model). InvalidArgument: a malformed record.
class RunStore {
 public:
  virtual ~RunStore() = default;

  // With its model of step 0. OK without effect when the same run (plan, contract, seed, model)
  // exists; AlreadyExists when one of that id differs.
  virtual absl::Status CreateRun(const RunRecord& run, const ModelRecord& initial,
                                 ByteView engine_state) = 0;
  virtual absl::StatusOr<RunRecord> LoadRun(const std::string& run_id) = 0;
  // Ids of the runs whose state is not final, the last created first.
  virtual absl::StatusOr<std::vector<std::string>> UnfinishedRuns() = 0;
  // FailedPrecondition: the run is in another final state already.
  virtual absl::Status SetRunState(const std::string& run_id, const std::string& state,
                                   const std::string& reason) = 0;
  // Replaces an earlier approval of the member (a restarted client approves again).
  virtual absl::Status SaveApproval(const std::string& run_id, const Approval& approval) = 0;

  // Opens rounds first..last and charges each of them to every member, before any client hears of
  // them (SE-07, SE-10). FailedPrecondition: first is not above last_opened, the run is over, or
  // (session, batch) was opened before. Rounds may be passed over: they are charged to nobody.
  virtual absl::Status OpenBlock(const std::string& run_id, const Block& block) = 0;
  virtual absl::StatusOr<std::vector<Block>> Blocks(const std::string& run_id) = 0;
  // SA-22: fixes U once. The same U again is OK; another U, or a round that is not opened, is
  // FailedPrecondition. InvalidArgument: U is not a subset of the block's V.
  virtual absl::Status Freeze(const std::string& run_id, std::uint64_t round,
                              const MemberList& survivors) = 0;
  // Only from frozen, only with the frozen U (less what a failed cohort lost), step not below the
  // last one; the model, the engine state and the round become visible together.
  virtual absl::Status Commit(const std::string& run_id, const RoundCommit& commit) = 0;
  // From opened or frozen; again on an aborted round: OK, the first reason stays. The charge stays
  // as well (SE-07).
  virtual absl::Status Abort(const std::string& run_id, std::uint64_t round,
                             const std::string& reason) = 0;
  // After a restart: every opened or frozen round of the run is aborted for "coordinator
  // restarted". Returns how many.
  virtual absl::StatusOr<std::uint64_t> RecoverOpenRounds(const std::string& run_id) = 0;

  virtual absl::StatusOr<RunSnapshot> Snapshot(const std::string& run_id) = 0;
  virtual absl::StatusOr<RoundRecord> LoadRound(const std::string& run_id, std::uint64_t round) = 0;
  // Of the models kept: those of step 0 and the latest kModelsKept.
  virtual absl::StatusOr<std::shared_ptr<const Bytes>> LoadModel(const std::string& run_id,
                                                                 const Hash32& hash) = 0;

  // A whole copy, as a new file that OpenSqliteRunStore opens; others are let in between its parts.
  // AlreadyExists: the file is there. Unimplemented: a back end without files.
  virtual absl::Status BackupTo(const std::filesystem::path& file) {
    return Unimplemented("%s: this store has no file to copy", file.string());
  }

  // Null: this store keeps none. Both live as long as the store. The second (ledger_appender.h) is
  // for whoever tells the ledger of something outside a run.
  virtual LedgerView* ledger() { return nullptr; }
  virtual LedgerAppender* appender() { return nullptr; }
};

std::unique_ptr<RunStore> NewMemoryRunStore();
// With a ledger, begun with its genesis. Errors of the options.
absl::StatusOr<std::unique_ptr<RunStore>> NewMemoryRunStore(LedgerOptions ledger);

struct SqliteRunStoreOptions {
  const char* vfs = nullptr;  // by name, for fault tests; null: the default one
  std::optional<LedgerOptions> ledger = std::nullopt;
  // How long a committed transaction took; called by the caller of the store.
  std::function<void(std::chrono::nanoseconds)> on_commit = nullptr;
};
// Opens or creates the file, locks it for one writer, migrates it, reads its ledger. Unavailable:
// another coordinator has it open. DataLoss: the ledger's entries are not what its rules admit, or
// of another key.
absl::StatusOr<std::unique_ptr<RunStore>> OpenSqliteRunStore(
    const std::filesystem::path& file, const SqliteRunStoreOptions& options = {});

}  // namespace veilsum::coordinator
