// One round of one cohort at the coordinator: uploads until U is frozen, signatures over U, shares,
// the sum. A phase closes when everybody who is waited for has answered, or at its deadline; who
// missed a deadline is not waited for any more while the others suffice. Between uploads and
// signatures it waits until U is stored, and Release (SA-22). Ends with the sum, or with the reason
// why the attempt is spent without one.
#pragma once

#include <optional>
#include <set>
#include <variant>

#include "coordinator/run/run_port.h"
#include "coordinator/store/run_store.h"
#include "secure_agg/server/server_batch.h"

namespace veilsum::coordinator {

struct RoundSum {
  MemberList survivors;              // U, ascending URI
  std::vector<std::int64_t> values;  // decoded centred
  MemberList lost;                   // of U, but in a cohort that failed later; ascending
};

class RoundStage {
 public:
  struct Opened;
  // Opens the slot for the members of V in `present`; the caller admits their uploads and sends
  // them the start. Those in `silent` missed an earlier deadline. `batch` and `port` must outlive
  // it.
  static absl::StatusOr<Opened> Open(secure_agg::ServerBatch& batch,
                                     secure_agg::SlotRequest request, std::set<std::string> present,
                                     std::set<std::string> silent, RunPort& port);

  std::uint64_t round() const { return round_; }
  const std::set<std::string>& present() const { return present_; }
  void SendToPresent(const v1::ServerMessage& message);
  bool TakesUploads() const {
    return !outcome_ && std::holds_alternative<secure_agg::InputPhase>(phase_);
  }
  // U is fixed and must be stored; then Release asks for signatures over it. Fail: it could not be.
  bool frozen() const { return !outcome_ && unsent_.has_value(); }
  MemberList Survivors() const;  // U; needs frozen()
  void Release();
  void Fail(const absl::Status& reason) { outcome_ = reason; }
  // The status for the uploader. FailedPrecondition: not of this round, or too late (SA-21).
  absl::Status OnUpload(const std::string& seat, std::uint64_t round, ByteView words);
  void OnMessage(const std::string& seat, const v1::ClientMessage& message);
  void OnGone(const std::string& seat);  // left, or refused: nobody waits for it in this round
  void OnDeadline();
  std::optional<absl::StatusOr<RoundSum>> TakeOutcome() {
    return std::exchange(outcome_, std::nullopt);
  }
  int phase_number() const { return static_cast<int>(phase_.index()); }
  // Those who are not waited for: the ones given to Open, and who missed a deadline of this round.
  const std::set<std::string>& silent() const { return silent_; }

 private:
  using Phase =
      std::variant<secure_agg::InputPhase, secure_agg::CommitPhase, secure_agg::UnmaskPhase>;
  RoundStage(secure_agg::ServerBatch& batch, secure_agg::InputPhase phase,
             std::set<std::string> present, std::set<std::string> silent, RunPort& port);
  absl::Status Add(RosterIndex sender, const v1::ClientMessage& message);
  MemberList Unanswered() const;  // of those present
  bool MayAdvance() const;
  bool HasQuorum() const;
  void Advance(bool deadline);
  absl::Status ClosePhase();
  absl::Status Close(secure_agg::InputPhase phase);
  absl::Status Close(secure_agg::CommitPhase phase);
  absl::Status Close(secure_agg::UnmaskPhase phase);
  bool CanClose() const;
  MemberList UrisOf(const secure_agg::MemberSet& members) const;

  secure_agg::ServerBatch* batch_;
  std::uint64_t round_;
  Phase phase_;
  std::set<std::string> present_;  // of V: those who got RoundStart and are still there
  std::set<std::string> silent_;
  RunPort* port_;
  std::optional<secure_agg::CommitRequest> unsent_;  // U is fixed, not stored yet
  std::optional<absl::StatusOr<RoundSum>> outcome_;
};

struct RoundStage::Opened {
  RoundStage stage;
  secagg::v1::RoundStart start;
};

}  // namespace veilsum::coordinator
