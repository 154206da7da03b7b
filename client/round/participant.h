// A client's part in a run, from joining to the end: approves the contract, sets up batches,
// answers rounds, reconnects for as long as the run lasts. Every message of the coordinator is
// untrusted until a check has passed it on.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/secure_rng.h"
#include "client/policy/odometer.h"
#include "client/policy/policy.h"
#include "client/round/approved_run.h"
#include "client/round/contribution.h"
#include "client/round/coordinator_link.h"
#include "client/round/drop_schedule.h"
#include "client/round/public_tick.h"
#include "client/round/secure_sum.h"
#include "client/witness/ledger_guard.h"

namespace veilsum::client {

// What a merchant brings to a run once it has seen the plan: its customers as a contribution, and
// their number, which only its own policy sees.
struct Prepared {
  std::unique_ptr<Contribution> contribution;
  std::uint64_t customers = 0;
};

// What can be counted of a participant without saying anything about its customers.
enum class ParticipantEvent { kConnected, kDisconnected, kContributed, kRefused, kBudgetDenied };

// The world around a participant. Pointers must outlive it.
struct ParticipantWorld {
  std::function<absl::StatusOr<std::unique_ptr<CoordinatorLink>>()> connect;
  // The seat's signing identity as it is now; empty: the one of the configuration. A renewed
  // certificate of the same key is shown from the next batch or approval on, another key from the
  // next contract on.
  std::function<secure_agg::SigningIdentity()> identity = nullptr;
  std::function<Policy()> policy;  // the merchant's as it is now, asked for at each contract
  std::function<absl::StatusOr<Prepared>(const ApprovedRun&)> prepare;
  const secure_agg::SeatVerifier* verifier = nullptr;
  Odometer* odometer = nullptr;
  LedgerGuard* ledger = nullptr;  // null, in tests of other things: no ledger is asked for
  SecureRng* rng = nullptr;
  Waiter* waiter = nullptr;
  std::function<void(std::string_view)> log;                // one line, no secrets
  std::function<void(ParticipantEvent)> observe = nullptr;  // on the participant's thread
};

struct ParticipantConfig {
  ApprovedRun::Own own;
  secure_agg::SigningIdentity identity;
  std::optional<Rational>
      drop_fraction;  // demo and tests only: vanish on purpose (drop_schedule.h)
  std::uint64_t drop_seed = 0;
  std::size_t largest_frame =
      256 * 1024;  // a masked vector up to this goes with the control stream
  // Without a coordinator for so long: Unavailable. Unset: never, it tries for ever.
  std::optional<std::chrono::seconds> give_up = std::chrono::seconds(600);
  std::chrono::seconds silence{600};  // a stream that says nothing for so long is opened anew
};

class Participant {
 public:
  Participant(ParticipantConfig config, ParticipantWorld world)
      : config_(std::move(config)), world_(std::move(world)) {}

  // Until the run has ended (OK), or this client must not go on: PermissionDenied (policy,
  // contract), DataLoss (alarm), InvalidArgument (own data), Unavailable (no coordinator), what
  // LedgerGuard refuses.
  absl::Status Run();
  // From another thread or a signal's thread: Run returns Cancelled soon.
  void Stop();

 private:
  enum class Next { kRead, kReconnect, kDone };
  absl::StatusOr<Next> Serve(CoordinatorLink& link);
  absl::StatusOr<Next> Handle(CoordinatorLink& link, const coordinator::v1::ServerMessage& message);
  absl::Status OnContract(CoordinatorLink& link, const coordinator::v1::ContractOffer& offer);
  absl::StatusOr<Next> OnLedger(CoordinatorLink& link, const coordinator::v1::LedgerHead& head);
  // After which this client takes no more part in the run.
  absl::StatusOr<Next> Stopped(CoordinatorLink& link, const absl::Status& reason);
  void TakeRenewedCertificate();
  absl::Status Approve(const coordinator::v1::ContractOffer& offer);
  absl::StatusOr<Next> OnStart(CoordinatorLink& link,
                               const coordinator::v1::ServerMessage& message);
  absl::StatusOr<model::ModelVector> CheckedModel(CoordinatorLink& link,
                                                  const secure_agg::RoundStart& start,
                                                  std::string_view sent_along);
  absl::StatusOr<model::RoundPurpose> CheckedPurpose(const secure_agg::RoundStart& start) const;
  Clock::Duration SlotTimeout() const;
  absl::Status Proved(const secure_agg::RoundStart& start);
  absl::Status Charge(const secure_agg::RoundStart& start);
  absl::Status Send(CoordinatorLink& link, const secure_agg::MaskedUpload& masked);
  absl::Status Contribute(CoordinatorLink& link, const model::ModelVector& model,
                          const model::RoundPurpose& purpose, Clock::Time received);
  absl::StatusOr<Next> Reply(CoordinatorLink& link,
                             absl::StatusOr<coordinator::v1::ClientMessage> reply,
                             std::uint64_t round);
  absl::StatusOr<Next> Refuse(CoordinatorLink& link, const absl::Status& reason,
                              std::uint64_t round);
  bool Vanishes(std::uint64_t round, DropPhase phase) const;
  absl::StatusOr<std::unique_ptr<CoordinatorLink>> ConnectPatiently();
  void SetLink(CoordinatorLink* link);
  void Tell(ParticipantEvent event) const {
    if (world_.observe) world_.observe(event);
  }

  ParticipantConfig config_;
  ParticipantWorld world_;
  std::string contract_text_;
  std::optional<ApprovedRun> run_;
  std::unique_ptr<Contribution> contribution_;
  std::optional<SecureSum> sum_;
  std::uint64_t charged_through_ = 0;
  std::uint64_t round_ = 0;  // the last one accepted
  std::optional<DropSchedule> drops_;
  bool heard_ = false;      // a message on the present stream
  Clock::Time heard_at_{};  // the last message on any
  std::atomic<bool> stopping_ = false;
  std::mutex link_mutex_;            // Stop closes the link from another thread
  CoordinatorLink* link_ = nullptr;  // the open one
};

}  // namespace veilsum::client
