// R3 at the coordinator: rebuilds from shares the secrets that the certified U allows, and takes
// the masks off the sum.
#pragma once

#include <optional>
#include <string>

#include "secure_agg/server/server_slot.h"

namespace veilsum::secure_agg {

struct SlotSum {
  RoundId round{0};
  MemberSet survivors;  // U: whose integers are in the sum
  std::vector<std::int64_t>
      values;  // the sum modulo 2^k, decoded to the representative nearest zero (SA-41)
  std::vector<RosterIndex> liars;  // responders whose shares had to be replaced (SA-34)
};

// The URI of the dealer that an error of UnmaskPhase::Close names; none for any other status. After
// two such errors it is left out of the next roster (review, F14): its shares were bad, or more
// than one member lied about them.
std::optional<std::string> BlamedDealer(const absl::Status& status);

class UnmaskPhase {
 public:
  RoundId round() const { return slot_.context.round; }
  const MemberSet& survivors() const { return survivors_; }
  // PermissionDenied: not in V. InvalidArgument: another round, shares of members outside V, a
  // wrong number of shares. AlreadyExists: a second, different reveal; the same bytes again are
  // accepted.
  absl::Status Add(RosterIndex sender, Reveal reveal);
  MemberSet Missing() const;
  // At least t shares of every dealer's secret are here. A spare responder (more than t) lets one
  // liar be replaced, so a driver may wait a little longer for the rest.
  bool CanClose() const;
  // The sum. FailedPrecondition when CanClose is false. Aborted, naming the dealer, when a rebuilt
  // secret does not match its commitment or public key even after replacing one responder (SA-34):
  // the slot is spent.
  absl::StatusOr<SlotSum> Close() &&;

 private:
  friend class CommitPhase;
  UnmaskPhase(ServerSlot slot, MemberSet survivors, Bytes accumulator);
  ServerSlot slot_;
  MemberSet survivors_;
  Bytes accumulator_;
  MemberSet revealed_;
  std::vector<Reveal> reveals_;  // by sender
};

}  // namespace veilsum::secure_agg
