// What every back end of RunStore refuses, written once. Pure functions over records; see
// run_store.h for the contract.
#pragma once

#include "coordinator/store/run_store.h"

namespace veilsum::coordinator {

// A member list as it is kept: a canonical JSON array.
std::string EncodeMembers(const MemberList& members);
absl::StatusOr<MemberList> DecodeMembers(std::string_view text);  // DataLoss when it is not one

absl::Status CheckNewRun(const RunRecord& run, const ModelRecord& initial);
absl::Status CheckApproval(const Approval& approval);
absl::Status CheckBlock(const Block& block);

// OK: write it. The functions that return a bool: true: write it, false: it is so already.
absl::StatusOr<bool> MaySetState(const RunRecord& run, const std::string& state);
absl::Status MayOpen(const RunRecord& run, std::uint64_t last_opened, const Block& block);
absl::StatusOr<bool> MayFreeze(const RoundRecord& round, const MemberList& members,
                               const MemberList& survivors);
absl::Status MayCommit(const RoundRecord& round, const RoundCommit& commit,
                       std::uint64_t last_step);
absl::StatusOr<bool> MayAbort(const RoundRecord& round);

}  // namespace veilsum::coordinator
