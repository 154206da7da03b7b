// What a SQL store reads back: runs, blocks, rounds, and the snapshot that a restart begins
// from.
#pragma once

#include <string>
#include <vector>

#include "coordinator/store/run_store.h"
#include "coordinator/store/sql_database.h"

namespace veilsum::coordinator {

struct StoredRun {
  std::int64_t id;  // the key of its rows
  RunRecord record;
};

// Reads only. The caller holds the store's lock, and a transaction where several reads must agree.
// NotFound where a name is unknown; else what the database says.
class SqlRunReader {
 public:
  explicit SqlRunReader(SqlDatabase& db) : db_(db) {}

  absl::StatusOr<StoredRun> Find(const std::string& run_id);
  absl::StatusOr<std::uint64_t> LastOpened(std::int64_t run);  // 0: no round yet
  absl::StatusOr<std::vector<Block>> Blocks(const StoredRun& run);
  absl::StatusOr<RoundRecord> FindRound(const StoredRun& run, std::uint64_t round);
  absl::StatusOr<RunSnapshot> Snapshot(const StoredRun& run);

 private:
  absl::Status ReadCharges(std::int64_t run, RunSnapshot& out);
  absl::Status ReadApprovals(std::int64_t run, RunSnapshot& out);
  absl::Status ReadProgress(std::int64_t run, RunSnapshot& out);
  absl::Status ReadRounds(const StoredRun& run, RunSnapshot& out);

  SqlDatabase& db_;
};

}  // namespace veilsum::coordinator
