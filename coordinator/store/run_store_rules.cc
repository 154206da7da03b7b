#include "coordinator/store/run_store_rules.h"

#include <algorithm>

#include "base/canonical_json.h"

namespace veilsum::coordinator {
namespace {

constexpr std::size_t kMaxMembers = 64 * 255;  // of all cohorts of a run

std::string_view NameOf(RoundState state) {
  switch (state) {
    case RoundState::kOpened:
      return "opened";
    case RoundState::kFrozen:
      return "frozen";
    case RoundState::kCommitted:
      return "committed";
    case RoundState::kAborted:
      return "aborted";
  }
  return "unknown";
}

absl::Status CheckMembers(std::string_view what, const MemberList& members) {
  if (members.empty() || members.size() > kMaxMembers)
    return InvalidArgument("%s has %d members, must have 1 to %d", what, members.size(),
                           kMaxMembers);
  if (std::ranges::adjacent_find(members, std::greater_equal<>()) != members.end())
    return InvalidArgument("%s must be strictly ascending", what);
  return absl::OkStatus();
}

}  // namespace

std::string EncodeMembers(const MemberList& members) { return Json(members).dump(); }

absl::StatusOr<MemberList> DecodeMembers(std::string_view text) {
  const Json list = Json::parse(text, nullptr, false);
  if (!list.is_array()) return DataLoss("a stored member list is not a JSON array");
  MemberList members;
  for (const Json& member : list) {
    if (!member.is_string())
      return DataLoss("a stored member list holds something else than names");
    members.push_back(member.get<std::string>());
  }
  return members;
}

absl::Status CheckNewRun(const RunRecord& run, const ModelRecord& initial) {
  if (run.run_id.empty() || run.run_id.size() > 128)
    return InvalidArgument("run_id has %d bytes, must have 1 to 128", run.run_id.size());
  if (run.plan.empty() || run.contract.empty())
    return InvalidArgument("run %s has no plan or no contract", run.run_id);
  if (initial.step != 0)
    return InvalidArgument("the initial model of run %s is of step %d, must be 0", run.run_id,
                           initial.step);
  return absl::OkStatus();
}

absl::Status CheckApproval(const Approval& approval) {
  if (approval.member.empty()) return InvalidArgument("an approval names no member");
  if (approval.signature.size() != 64)
    return InvalidArgument("signature has %d bytes, must have 64", approval.signature.size());
  if (approval.certificate.empty() || approval.certificate.size() > 4096)
    return InvalidArgument("certificate has %d bytes, must have 1 to 4096",
                           approval.certificate.size());
  return absl::OkStatus();
}

absl::Status CheckBlock(const Block& block) {
  if (block.first == 0 || block.last < block.first || block.last - block.first >= kMaxBlockAttempts)
    return InvalidArgument("block %d to %d must hold 1 to %d attempts, from 1", block.first,
                           block.last, kMaxBlockAttempts);
  if (block.session.size() != 16)
    return InvalidArgument("session has %d bytes, must have 16", block.session.size());
  if (block.setup_hash.size() != 32)
    return InvalidArgument("setup_hash has %d bytes, must have 32", block.setup_hash.size());
  return CheckMembers("V", block.members);
}

absl::StatusOr<bool> MaySetState(const RunRecord& run, const std::string& state) {
  if (state.empty()) return InvalidArgument("a run's state cannot be empty");
  if (!IsFinalRunState(run.state)) return true;
  if (run.state == state) return false;
  return FailedPrecondition("run %s is %s for good, it cannot become %s", run.run_id, run.state,
                            state);
}

absl::Status MayOpen(const RunRecord& run, std::uint64_t last_opened, const Block& block) {
  if (IsFinalRunState(run.state))
    return FailedPrecondition("run %s is %s, no block can be opened", run.run_id, run.state);
  if (block.first <= last_opened)
    return FailedPrecondition("block starts at round %d, must start at %d or later", block.first,
                              last_opened + 1);
  return absl::OkStatus();
}

absl::StatusOr<bool> MayFreeze(const RoundRecord& round, const MemberList& members,
                               const MemberList& survivors) {
  VEILSUM_RETURN_IF_ERROR(CheckMembers("U", survivors));
  if (!std::ranges::includes(members, survivors))
    return InvalidArgument("U of round %d holds a member that is not in V", round.round);
  if (round.state == RoundState::kFrozen && round.survivors == survivors) return false;
  if (round.state != RoundState::kOpened)
    return FailedPrecondition("SA-22: round %d is %s, its U cannot be fixed again", round.round,
                              NameOf(round.state));
  return true;
}

absl::Status MayCommit(const RoundRecord& round, const RoundCommit& commit,
                       std::uint64_t last_step) {
  if (round.state != RoundState::kFrozen)
    return FailedPrecondition("round %d is %s, only a frozen one can be committed", round.round,
                              NameOf(round.state));
  MemberList frozen;
  std::ranges::merge(commit.survivors, commit.lost, std::back_inserter(frozen));
  if (commit.survivors.empty() || round.survivors != frozen)
    return FailedPrecondition("SA-22: round %d was frozen with another U", round.round);
  if (commit.step < last_step)
    return InvalidArgument("round %d commits step %d, the run is at %d", round.round, commit.step,
                           last_step);
  if (commit.model && commit.model->step != commit.step)
    return InvalidArgument("round %d commits step %d with a model of step %d", round.round,
                           commit.step, commit.model->step);
  return absl::OkStatus();
}

absl::StatusOr<bool> MayAbort(const RoundRecord& round) {
  if (round.state == RoundState::kAborted) return false;
  if (round.state == RoundState::kCommitted)
    return FailedPrecondition("round %d is committed and cannot be aborted", round.round);
  return true;
}

}  // namespace veilsum::coordinator
