// Misuses of the secure sum that the compiler must refuse; without any of them the file compiles.
#include "secure_agg/client/setup.h"
#include "secure_agg/server/key_phase.h"
#include "secure_agg/transcripts.h"

namespace veilsum::secure_agg {

void Setup(AwaitingShares shares, AwaitingActiveSet active, const Certificate& certificate,
           const ActiveSet& v) {
  (void)certificate;
  (void)shares;
#ifdef SKIP_A_SETUP_PHASE
  (void)std::move(active).OnCertificate(certificate);
#else
  (void)std::move(active).OnActiveSet(v);
#endif
}

void Slot(AwaitingCommit commit, AwaitingInput input, const CommitRequest& request,
          const CommitCertificate& certificate, std::span<const std::int64_t> values) {
  (void)certificate;
  (void)values;
#ifdef SKIP_A_SLOT_PHASE
  (void)std::move(commit).OnCertificate(certificate);
#else
  (void)std::move(commit).OnCommit(request);
#endif
#ifdef STEP_ON_A_KEPT_PHASE
  (void)input.OnInput(values);
#else
  (void)std::move(input).OnInput(values);
#endif
}

void Rosters(std::shared_ptr<const SessionParams> params,
             std::shared_ptr<const VerifiedRoster> verified,
             std::shared_ptr<const UnverifiedRoster> claim) {
  (void)claim;
#ifdef UNVERIFIED_ROSTER
  SharePhase phase(params, claim, BatchId{});
#else
  SharePhase phase(params, verified, BatchId{});
#endif
#ifdef FORGED_ROSTER
  VerifiedRoster forged(std::vector<VerifiedAdvert>{}, Thresholds{}, Hash32{});
#endif
}

void Secrets(Secret<32> secret, LockedBytes bytes) {
#ifdef COPY_A_SECRET
  Secret<32> copy = secret;
#else
  Secret<32> moved = std::move(secret);
#endif
#ifdef COPY_BATCH_SECRETS
  LockedBytes copied = bytes;
#else
  LockedBytes taken = std::move(bytes);
#endif
}

bool Numbers(RosterIndex index, RoundId round) {
  (void)round;
#ifdef MIX_INDEX_AND_ROUND
  return index == round;
#else
  return index == RosterIndex(1);
#endif
}

#ifdef MAKE_A_BATCH
Batch Make(std::shared_ptr<BatchSecrets> secrets) { return Batch(std::move(secrets)); }
#endif

}  // namespace veilsum::secure_agg
