#include "coordinator/store/sql_run_reader.h"

#include "coordinator/store/run_store_rules.h"

namespace veilsum::coordinator {
namespace {

constexpr char kRoundColumns[] =
    "SELECT round, slot, block_first, state, survivors, step, sum_hash, model_hash, reason FROM "
    "rounds ";

absl::StatusOr<RoundRecord> ReadRound(const SqlStatement& row) {
  RoundRecord record{row.Unsigned(0),
                     static_cast<std::uint32_t>(row.Int(1)),
                     row.Unsigned(2),
                     static_cast<RoundState>(row.Int(3)),
                     {},
                     row.Unsigned(5),
                     row.Blob(6),
                     row.Blob(7),
                     row.Text(8)};
  if (!row.IsNull(4)) {
    VEILSUM_ASSIGN_OR_RETURN(record.survivors, DecodeMembers(row.Text(4)));
  }
  return record;
}

}  // namespace

absl::StatusOr<StoredRun> SqlRunReader::Find(const std::string& run_id) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement select,
      db_.Prepare("SELECT id, plan, contract, seed, state, reason FROM runs WHERE run_id = $1"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, run_id).Step());
  if (!found) return NotFound("there is no run %s", run_id);
  return StoredRun{select.Int(0), RunRecord{run_id, select.Text(1), select.Text(2),
                                            select.Unsigned(3), select.Text(4), select.Text(5)}};
}

absl::StatusOr<std::uint64_t> SqlRunReader::LastOpened(std::int64_t run) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement select,
      db_.Prepare("SELECT coalesce(max(round), 0) FROM rounds WHERE run = $1"));
  VEILSUM_RETURN_IF_ERROR(select.Bind(1, run).Step().status());
  return select.Unsigned(0);
}

absl::StatusOr<std::vector<Block>> SqlRunReader::Blocks(const StoredRun& run) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement select,
      db_.Prepare("SELECT first, last, session, batch, sum_index, setup_hash, members "
                  "FROM blocks WHERE run = $1 ORDER BY first"));
  select.Bind(1, run.id);
  std::vector<Block> blocks;
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return blocks;
    VEILSUM_ASSIGN_OR_RETURN(MemberList members, DecodeMembers(select.Text(6)));
    blocks.push_back({select.Unsigned(0), select.Unsigned(1), select.Blob(2),
                      static_cast<std::uint32_t>(select.Int(3)),
                      static_cast<std::uint32_t>(select.Int(4)), select.Blob(5),
                      std::move(members)});
  }
}

absl::StatusOr<RoundRecord> SqlRunReader::FindRound(const StoredRun& run, std::uint64_t round) {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select, db_.Prepare(std::string(kRoundColumns) +
                                                            "WHERE run = $1 AND round = $2"));
  VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, run.id).Bind(2, round).Step());
  if (!found) return NotFound("run %s has opened no round %d", run.record.run_id, round);
  return ReadRound(select);
}

absl::Status SqlRunReader::ReadCharges(std::int64_t run, RunSnapshot& out) {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement select,
                           db_.Prepare("SELECT member, attempts FROM budgets WHERE run = $1"));
  select.Bind(1, run);
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return absl::OkStatus();
    out.charged[select.Text(0)] = select.Unsigned(1);
  }
}

absl::Status SqlRunReader::ReadApprovals(std::int64_t run, RunSnapshot& out) {
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement select,
      db_.Prepare(
          "SELECT member, signature, certificate FROM approvals WHERE run = $1 ORDER BY member"));
  select.Bind(1, run);
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, select.Step());
    if (!row) return absl::OkStatus();
    out.approvals.push_back({select.Text(0), select.Blob(1), select.Blob(2)});
  }
}

absl::Status SqlRunReader::ReadProgress(std::int64_t run, RunSnapshot& out) {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement progress,
                           db_.Prepare("SELECT step, engine_state FROM progress WHERE run = $1"));
  VEILSUM_RETURN_IF_ERROR(progress.Bind(1, run).Step().status());
  out.step = progress.Unsigned(0);
  out.engine_state = progress.Blob(1);
  VEILSUM_ASSIGN_OR_RETURN(
      SqlStatement model,
      db_.Prepare("SELECT hash, bytes FROM models WHERE run = $1 ORDER BY sequence DESC LIMIT 1"));
  VEILSUM_RETURN_IF_ERROR(model.Bind(1, run).Step().status());
  out.latest_model = HexEncode(model.Blob(0));
  out.latest_model_bytes = std::make_shared<const Bytes>(model.Blob(1));
  return absl::OkStatus();
}

absl::Status SqlRunReader::ReadRounds(const StoredRun& run, RunSnapshot& out) {
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement open,
                           db_.Prepare(std::string(kRoundColumns) +
                                       "WHERE run = $1 AND state IN (0, 1) ORDER BY round"));
  open.Bind(1, run.id);
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(const bool row, open.Step());
    if (!row) break;
    VEILSUM_ASSIGN_OR_RETURN(RoundRecord record, ReadRound(open));
    out.open_rounds.push_back(std::move(record));
  }
  VEILSUM_ASSIGN_OR_RETURN(SqlStatement counts,
                           db_.Prepare("SELECT count(*) FILTER (WHERE state = 3), "
                                       "min(json_array_length(survivors)) FILTER (WHERE state = 2 "
                                       "AND model_hash IS NOT NULL), "
                                       "(SELECT json_array_length(survivors) FROM rounds WHERE run "
                                       "= $1 AND state = 2 AND model_hash IS NOT NULL "
                                       " ORDER BY round DESC LIMIT 1) FROM rounds WHERE run = $1"));
  VEILSUM_RETURN_IF_ERROR(counts.Bind(1, run.id).Step().status());
  out.aborted = counts.Unsigned(0);
  if (!counts.IsNull(1)) out.min_survivors = static_cast<std::uint32_t>(counts.Int(1));
  out.last_survivors = static_cast<std::uint32_t>(counts.Int(2));
  return absl::OkStatus();
}

absl::StatusOr<RunSnapshot> SqlRunReader::Snapshot(const StoredRun& run) {
  RunSnapshot out;
  out.run = run.record;
  VEILSUM_ASSIGN_OR_RETURN(out.last_opened, LastOpened(run.id));
  VEILSUM_RETURN_IF_ERROR(ReadCharges(run.id, out));
  VEILSUM_RETURN_IF_ERROR(ReadApprovals(run.id, out));
  VEILSUM_RETURN_IF_ERROR(ReadProgress(run.id, out));
  VEILSUM_RETURN_IF_ERROR(ReadRounds(run, out));
  return out;
}

}  // namespace veilsum::coordinator
