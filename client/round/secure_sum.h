// The secure sum's client side, driven by wire messages: holds the phase that is current, parses,
// steps, encodes. At most one batch is in use, with one of its slots open, and one more is being
// set up or waits to follow it (SA-33). Nothing here blocks.
#pragma once

#include <memory>
#include <optional>
#include <variant>

#include "secure_agg/client/setup.h"
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

  // Setup of a batch. FailedPrecondition when the message is not what the present phase waits for;
  // any other error has dropped the batch being set up (rule 21), and the next offer starts afresh.
  absl::StatusOr<coordinator::v1::ClientMessage> OnOffer(const secagg::v1::BatchOffer& wire);
  absl::StatusOr<coordinator::v1::ClientMessage> OnRoster(const secagg::v1::Roster& wire);
  absl::StatusOr<coordinator::v1::ClientMessage> OnDelivery(const secagg::v1::ShareDelivery& wire);
  absl::StatusOr<coordinator::v1::ClientMessage> OnActiveSet(const secagg::v1::ActiveSet& wire);
  absl::Status OnSetupCertificate(const secagg::v1::Certificate& wire);

  // A round. Open accepts the slot, of the batch in use or of the next one, which then takes its
  // place; the caller has checked model and step first (SA-16).
  absl::StatusOr<secure_agg::RoundStart> ParseStart(const secagg::v1::RoundStart& wire) const;
  absl::Status Open(const secure_agg::RoundStart& start);
  // The masked vector, once; the slot then waits for U.
  absl::StatusOr<secure_agg::MaskedUpload> Mask(std::span<const std::int64_t> noised);
  absl::StatusOr<coordinator::v1::ClientMessage> OnCommit(const secagg::v1::CommitRequest& wire);
  absl::StatusOr<coordinator::v1::ClientMessage> OnCertificate(
      const secagg::v1::CommitCertificate& wire);
  void OnClosed(const secagg::v1::RoundClosed& wire);

 private:
  using Setup =
      std::variant<std::monostate, secure_agg::BatchAdvertised, secure_agg::AwaitingShares,
                   secure_agg::AwaitingActiveSet, secure_agg::AwaitingSetupCertificate>;
  using Slot = std::variant<std::monostate, secure_agg::AwaitingInput, secure_agg::AwaitingCommit,
                            secure_agg::AwaitingCertificate, secure_agg::Revealed>;
  static std::optional<Hash32> HashOf(const std::optional<secure_agg::Batch>& batch);
  secure_agg::WireLimits SetupLimits() const;
  secure_agg::WireLimits BatchLimits() const;

  std::shared_ptr<secure_agg::ClientSession> session_;
  const secure_agg::SeatVerifier& verifier_;
  SecureRng& rng_;
  Setup setup_;
  std::size_t setup_roster_ = 0;  // size of the roster being set up
  std::optional<secure_agg::Batch> batch_, next_;
  Slot slot_;
};

}  // namespace veilsum::client
