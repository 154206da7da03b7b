// Setup of one batch at the coordinator: adverts, shares, reports, signatures over V. Each phase
// closes when everybody who is still there has answered, or at its deadline with those who have.
// The secure sum's own phases decide what is lawful.
#pragma once

#include <optional>
#include <set>
#include <variant>

#include "base/clock.h"
#include "coordinator/run/run_port.h"
#include "secure_agg/server/key_phase.h"

namespace veilsum::coordinator {

class Keying {
 public:
  // Sends the offer to `present`. `verifier` and `port` must outlive it.
  Keying(std::shared_ptr<const secure_agg::SessionParams> params, const secure_agg::BatchId& batch,
         const secure_agg::SeatVerifier& verifier, RunPort& port, std::set<std::string> present);

  // Only setup messages; an error is the sender's fault and costs it its place in the batch.
  void OnMessage(const std::string& seat, const v1::ClientMessage& message);
  void OnGone(const std::string& seat);  // left, or refused
  void OnDeadline();                     // closes the phase with those who have answered
  // Set when it is over: the batch, or why there is none.
  std::optional<absl::StatusOr<secure_agg::ServerBatch>> TakeOutcome();
  // Changes with every phase, so that a driver gives each its own deadline.
  int phase_number() const { return static_cast<int>(phase_.index()); }

 private:
  using Phase = std::variant<secure_agg::KeyPhase, secure_agg::SharePhase, secure_agg::ReportPhase,
                             secure_agg::SetupPhase>;
  absl::Status Add(const std::string& seat, const v1::ClientMessage& message);
  bool EverybodyAnswered() const;
  bool CanClose() const;
  void Advance(bool deadline);
  absl::Status ClosePhase();
  absl::Status Close(secure_agg::KeyPhase phase);
  absl::Status Close(secure_agg::SharePhase phase);
  absl::Status Close(secure_agg::ReportPhase phase);
  absl::Status Close(secure_agg::SetupPhase phase);
  absl::StatusOr<RosterIndex> IndexOf(const std::string& seat) const;
  void SendTo(const secure_agg::MemberSet& members, const v1::ServerMessage& message);

  std::shared_ptr<const secure_agg::SessionParams> params_;
  RunPort& port_;
  std::set<std::string> present_;
  const secure_agg::VerifiedRoster* roster_ = nullptr;  // owned by the phase; from the roster on
  Phase phase_;
  std::optional<absl::StatusOr<secure_agg::ServerBatch>> outcome_;
};

}  // namespace veilsum::coordinator
