// A run store that tells a test about every write, before and after, and that can be made to fail.
#pragma once

#include <functional>

#include "coordinator/store/run_store.h"

namespace veilsum::coordinator {

class HookedStore final : public RunStore {
 public:
  explicit HookedStore(RunStore& inner) : inner_(inner) {}

  // Set before use. An error refuses the write; it never reaches the store.
  std::function<absl::Status(std::string_view call)> before = [](std::string_view) {
    return absl::OkStatus();
  };
  std::function<void(std::string_view call)> after = [](std::string_view) {
  };  // only of writes that succeeded
  std::function<void(const std::string& run_id, const RoundCommit&)> committed =
      [](const std::string&, const RoundCommit&) {};
  // As `before`, by run. From any thread.
  std::function<absl::Status(const std::string& run_id)> allowed = [](const std::string&) {
    return absl::OkStatus();
  };

  absl::Status CreateRun(const RunRecord& run, const ModelRecord& initial,
                         ByteView engine_state) override {
    return Write("CreateRun", run.run_id,
                 [&] { return inner_.CreateRun(run, initial, engine_state); });
  }
  absl::StatusOr<RunRecord> LoadRun(const std::string& run_id) override {
    return inner_.LoadRun(run_id);
  }
  absl::StatusOr<std::vector<std::string>> UnfinishedRuns() override {
    return inner_.UnfinishedRuns();
  }
  absl::Status SetRunState(const std::string& run_id, const std::string& state,
                           const std::string& reason) override {
    return Write("SetRunState", run_id, [&] { return inner_.SetRunState(run_id, state, reason); });
  }
  absl::Status SaveApproval(const std::string& run_id, const Approval& approval) override {
    return Write("SaveApproval", run_id, [&] { return inner_.SaveApproval(run_id, approval); });
  }
  absl::Status OpenBlock(const std::string& run_id, const Block& block) override {
    return Write("OpenBlock", run_id, [&] { return inner_.OpenBlock(run_id, block); });
  }
  absl::StatusOr<std::vector<Block>> Blocks(const std::string& run_id) override {
    return inner_.Blocks(run_id);
  }
  absl::Status Freeze(const std::string& run_id, std::uint64_t round,
                      const MemberList& survivors) override {
    return Write("Freeze", run_id, [&] { return inner_.Freeze(run_id, round, survivors); });
  }
  absl::Status Commit(const std::string& run_id, const RoundCommit& commit) override {
    return Write("Commit", run_id, [&] {
      VEILSUM_RETURN_IF_ERROR(inner_.Commit(run_id, commit));
      committed(run_id, commit);
      return absl::OkStatus();
    });
  }
  absl::Status Abort(const std::string& run_id, std::uint64_t round,
                     const std::string& reason) override {
    return Write("Abort", run_id, [&] { return inner_.Abort(run_id, round, reason); });
  }
  absl::StatusOr<std::uint64_t> RecoverOpenRounds(const std::string& run_id) override {
    return inner_.RecoverOpenRounds(run_id);
  }
  absl::StatusOr<RunSnapshot> Snapshot(const std::string& run_id) override {
    return inner_.Snapshot(run_id);
  }
  absl::StatusOr<RoundRecord> LoadRound(const std::string& run_id, std::uint64_t round) override {
    return inner_.LoadRound(run_id, round);
  }
  absl::StatusOr<std::shared_ptr<const Bytes>> LoadModel(const std::string& run_id,
                                                         const Hash32& hash) override {
    return inner_.LoadModel(run_id, hash);
  }
  LedgerView* ledger() override { return inner_.ledger(); }
  LedgerAppender* appender() override { return inner_.appender(); }

 private:
  template <class F>
  absl::Status Write(std::string_view call, const std::string& run_id, F write) {
    VEILSUM_RETURN_IF_ERROR(allowed(run_id));
    VEILSUM_RETURN_IF_ERROR(before(call));
    VEILSUM_RETURN_IF_ERROR(write());
    after(call);
    return absl::OkStatus();
  }
  RunStore& inner_;
};

}  // namespace veilsum::coordinator
