// What one client process remembers of a contract across batches: memory only (SA-32). A restarted
// process makes a new session, is absent for the rest of the batch and joins the next one.
#pragma once

#include <memory>
#include <set>

#include "base/secure_rng.h"
#include "secure_agg/messages.h"
#include "secure_agg/roster/roster.h"

namespace veilsum::secure_agg {

class BatchSecrets;

// One event loop owns it and everything made from it; not thread-safe.
class ClientSession {
 public:
  // `last_round`: the highest round number in the client's durable privacy ledger, RoundId(0) for
  // none (SA-15, SA-17). InvalidArgument when the identity is not a seat of the contract or its
  // certificate is empty or too large.
  static absl::StatusOr<std::shared_ptr<ClientSession>> Create(SessionParams params,
                                                               SigningIdentity identity,
                                                               RoundId last_round);

  const SessionParams& params() const { return params_; }
  const SigningIdentity& identity() const { return identity_; }
  const MemberId& member_id() const { return member_id_; }
  RoundId last_round() const { return last_round_; }
  // What adverts of later batches show: a renewed certificate of the same key. InvalidArgument:
  // empty or too large; the old one stays.
  absl::Status RenewCertificate(Bytes certificate);
  // True after SA-25, SA-26 or SA-30: every later step answers DataLoss until an operator starts a
  // new process (SA-43).
  bool alarmed() const { return alarmed_; }
  absl::Status CheckNotAlarmed() const;

 private:
  friend class BatchAdvertised;
  friend class AwaitingActiveSet;
  friend class Batch;
  friend class SlotCore;
  ClientSession(SessionParams params, SigningIdentity identity, MemberId id, RoundId last_round)
      : params_(std::move(params)),
        identity_(std::move(identity)),
        member_id_(id),
        last_round_(last_round) {}
  absl::Status Alarm(absl::Status reason);                // records it and hands it back
  absl::Status BeginBatch(const BatchOffer& offer);       // SA-02, SA-12, SA-33
  absl::Status TakeSetupSignature(const BatchId& batch);  // SA-12: succeeds once a batch
  void Register(const std::shared_ptr<BatchSecrets>& secrets);
  void EraseOlderThan(const BatchSecrets& current);  // SA-33

  SessionParams params_;
  SigningIdentity identity_;
  MemberId member_id_;
  RoundId last_round_;
  bool alarmed_ = false;
  std::optional<BatchId> last_batch_;
  std::optional<BatchId> last_signed_;
  std::set<SessionId> retired_;                     // sessions left behind: never entered again
  std::vector<std::weak_ptr<BatchSecrets>> alive_;  // oldest first, at most two
};

}  // namespace veilsum::secure_agg
