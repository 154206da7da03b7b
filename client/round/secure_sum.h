// The secure sum's client side, driven by wire messages: holds the phase that is current, parses,
// steps, encodes. At most one batch is being set up, one certified batch waits, one is in use, and
// one of its slots is open (SA-33). Nothing here blocks; no clock: the caller says what time it is.
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "base/clock.h"
#include "secure_agg/client/setup.h"
#include "secure_agg/refusal_counts.h"
#include "secure_agg/wire/fields.h"
#include "veilsum/coordinator/v1/rounds.pb.h"

namespace veilsum::client {

class SecureSum {
 public:
  // `verifier` and `rng` must outlive it.
  SecureSum(std::shared_ptr<secure_agg::ClientSession> session,
            const secure_agg::SeatVerifier& verifier, SecureRng& rng)
      : session_(std::move(session)), verifier_(verifier), rng_(rng) {}

  // The batch in use, and the one that is ready to follow it; none where there is no such batch.
  std::optional<Hash32> setup_hash() const { return HashOf(batch_); }
  std::optional<Hash32> next_setup_hash() const { return HashOf(next_); }
  bool alarmed() const { return session_->alarmed(); }
  // Every error that a step below has answered, by check (SA-43).
  const secure_agg::RefusalCounts& refusals() const { return refusals_; }
  // The slot opened last, for log lines; none before the first.
  std::optional<std::uint16_t> last_slot() const { return last_slot_; }

  // For the batches that are offered from now on. Errors of ClientSession::RenewCertificate.
  absl::Status RenewCertificate(Bytes certificate) {
    return session_->RenewCertificate(std::move(certificate));
  }

  // Setup of a batch. FailedPrecondition when the message is not what the present phase waits for;
  // any other error has dropped the batch being set up (rule 21), and the next offer starts afresh.
  // An offer that is refused (SA-02, SA-33) drops nothing: a repeat cannot stop a setup.
  absl::StatusOr<coordinator::v1::ClientMessage> OnOffer(const secagg::v1::BatchOffer& wire);
  absl::StatusOr<coordinator::v1::ClientMessage> OnRoster(const secagg::v1::Roster& wire);
  absl::StatusOr<coordinator::v1::ClientMessage> OnDelivery(const secagg::v1::ShareDelivery& wire);
  absl::StatusOr<coordinator::v1::ClientMessage> OnActiveSet(const secagg::v1::ActiveSet& wire);
  // The batch in use stays in use until a round of the new one is accepted.
  absl::Status OnSetupCertificate(const secagg::v1::Certificate& wire);

  // A round. Open accepts the slot; the caller has checked model and step first (SA-16). A start
  // that is refused leaves the open slot as it was. From `deadline` on Expire erases the slot.
  absl::StatusOr<secure_agg::RoundStart> ParseStart(const secagg::v1::RoundStart& wire);
  absl::Status Open(const secure_agg::RoundStart& start, Clock::Time deadline = Clock::Time::max());
  // The masked vector, once; the slot then waits for U.
  absl::StatusOr<secure_agg::MaskedUpload> Mask(std::span<const std::int64_t> noised);
  // A request or certificate for another round than that of the open slot is refused and touches
  // nothing; every other refusal ends the slot.
  absl::StatusOr<coordinator::v1::ClientMessage> OnCommit(const secagg::v1::CommitRequest& wire);
  absl::StatusOr<coordinator::v1::ClientMessage> OnCertificate(
      const secagg::v1::CommitCertificate& wire);
  void OnClosed(const secagg::v1::RoundClosed& wire);
  // SA-31, the client's own deadline: erases the open slot when its time is over. True when it did.
  bool Expire(Clock::Time now);

 private:
  using Setup =
      std::variant<std::monostate, secure_agg::BatchAdvertised, secure_agg::AwaitingShares,
                   secure_agg::AwaitingActiveSet, secure_agg::AwaitingSetupCertificate>;
  using Slot = std::variant<std::monostate, secure_agg::AwaitingInput, secure_agg::AwaitingCommit,
                            secure_agg::AwaitingCertificate, secure_agg::Revealed>;
  using Reply = absl::StatusOr<coordinator::v1::ClientMessage>;
  // The steps themselves; the public functions count what these refuse.
  Reply Offer(const secagg::v1::BatchOffer& wire);
  Reply Roster(const secagg::v1::Roster& wire);
  Reply Delivery(const secagg::v1::ShareDelivery& wire);
  Reply Active(const secagg::v1::ActiveSet& wire);
  absl::Status SetupCertificate(const secagg::v1::Certificate& wire);
  absl::Status Accept(const secure_agg::RoundStart& start, Clock::Time deadline);
  absl::StatusOr<secure_agg::MaskedUpload> Upload(std::span<const std::int64_t> noised);
  Reply Commit(const secagg::v1::CommitRequest& wire);
  Reply Certificate(const secagg::v1::CommitCertificate& wire);

  template <class Result>
  Result Counted(Result result);
  absl::Status EndSlot(absl::Status reason);
  std::optional<RoundId> OpenRound() const;
  static std::optional<Hash32> HashOf(const std::optional<secure_agg::Batch>& batch);
  secure_agg::WireLimits SetupLimits() const;
  secure_agg::WireLimits BatchLimits() const;

  std::shared_ptr<secure_agg::ClientSession> session_;
  const secure_agg::SeatVerifier& verifier_;
  SecureRng& rng_;
  secure_agg::RefusalCounts refusals_;
  Setup setup_;
  std::size_t setup_roster_ = 0;            // size of the roster being set up
  std::optional<secure_agg::Batch> batch_;  // in use, or the first one ready
  std::optional<secure_agg::Batch> next_;   // certified, no round of it accepted yet
  Slot slot_;
  std::optional<std::uint16_t> last_slot_;
  Clock::Time slot_deadline_ = Clock::Time::max();
};

}  // namespace veilsum::client
