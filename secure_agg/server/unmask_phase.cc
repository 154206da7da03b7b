#include "secure_agg/server/unmask_phase.h"

#include <absl/strings/cord.h>

#include <algorithm>
#include <map>

#include "secure_agg/arith/ring.h"
#include "secure_agg/arith/shamir.h"
#include "secure_agg/crypto/key_agreement.h"
#include "secure_agg/crypto/mask_stream.h"

namespace veilsum::secure_agg {
namespace {

constexpr char kBlamedDealer[] = "veilsum/blamed-dealer";

// Rebuilds secrets from the reveals of one slot; remembers coefficients per responder set, and
// liars once found.
class Rebuilder {
 public:
  Rebuilder(const ServerSlot& slot, const MemberSet& survivors, const MemberSet& revealed,
            const std::vector<Reveal>& reveals)
      : slot_(slot), survivors_(survivors), liars_(revealed.roster_size()) {
    for (const RosterIndex sender : revealed.Indices()) {
      const Reveal& reveal = reveals[sender.value()];
      std::size_t place = 0;
      for (const RosterIndex dealer : reveal.held.Indices()) {
        shares_[dealer].emplace_back(sender, &reveal.shares[place++]);
      }
    }
  }

  // The dealer's b if it is in U, else its s_sk, checked against its advert (SA-34). Aborted naming
  // the dealer.
  absl::StatusOr<Secret<32>> Rebuild(RosterIndex dealer) {
    std::vector<Share> usable;
    for (const Share& share : shares_[dealer]) {
      if (!liars_.Contains(share.first)) usable.push_back(share);
    }
    const std::size_t t = slot_.batch->roster->thresholds().shares;
    if (usable.size() < t) return Failed(dealer, "too few honest shares are left");
    std::vector<Share> chosen(usable.begin(), usable.begin() + static_cast<std::ptrdiff_t>(t));
    if (std::optional<Secret<32>> secret = TryWith(dealer, chosen)) return *std::move(secret);
    if (usable.size() == t)
      return Failed(dealer, "the shares do not match its advert and none is to spare");
    for (std::size_t out = 0; out < t; ++out) {  // one responder replaced by the first spare one
      std::vector<Share> replaced = chosen;
      replaced.erase(replaced.begin() + static_cast<std::ptrdiff_t>(out));
      replaced.push_back(usable[t]);
      if (std::optional<Secret<32>> secret = TryWith(dealer, replaced)) {
        liars_.Insert(chosen[out].first);
        return *std::move(secret);
      }
    }
    return Failed(dealer, "the shares do not match its advert");
  }

  std::vector<RosterIndex> liars() const { return liars_.Indices(); }

 private:
  using Share = std::pair<RosterIndex, const ByteArray<32>*>;

  absl::Status Failed(RosterIndex dealer, std::string_view reason) const {
    const std::string& uri = slot_.batch->roster->uri(dealer);
    absl::Status failed =
        Aborted("SA-34: the secret of dealer %d (%s) is lost: %s", dealer.value(), uri, reason);
    failed.SetPayload(kBlamedDealer, absl::Cord(uri));
    return failed;
  }

  std::optional<Secret<32>> TryWith(RosterIndex dealer, std::span<const Share> shares) {
    std::vector<RosterIndex> responders;
    std::vector<const ByteArray<32>*> bytes;
    for (const auto& [responder, share] : shares) {
      responders.push_back(responder);
      bytes.push_back(share);
    }
    auto known = coefficients_.find(responders);
    if (known == coefficients_.end()) {
      auto interpolation =
          Interpolation::Create(responders);  // SA-35: ascending and distinct by construction
      VEILSUM_CHECK(interpolation.ok());
      known = coefficients_.emplace(responders, *std::move(interpolation)).first;
    }
    Secret<32> secret = known->second.Combine(bytes);
    if (!Matches(dealer, secret)) return std::nullopt;
    return secret;
  }

  bool Matches(RosterIndex dealer, const Secret<32>& secret) const {
    const Advert& advert = slot_.batch->roster->advert(dealer);
    const std::uint16_t slot = slot_.context.slot;
    return survivors_.Contains(dealer)
               ? SelfCommitment(slot, secret.Expose()) == advert.self_commitments[slot]
               : X25519Public(secret.Expose()) == advert.mask_keys[slot];
  }

  const ServerSlot& slot_;
  const MemberSet& survivors_;
  MemberSet liars_;
  std::map<RosterIndex, std::vector<Share>> shares_;  // by dealer, responders ascending
  std::map<std::vector<RosterIndex>, Interpolation> coefficients_;
};

// What is still on the sum of U: each survivor's own stream, and its pair streams with every member
// of V\U. Edges between two members of V\U are in no upload of U and are never expanded (SA-36).
absl::Status AddTerms(const ServerSlot& slot, const MemberSet& survivors, RosterIndex dealer,
                      const Secret<32>& secret, std::vector<MaskTerm>& terms) {
  if (survivors.Contains(dealer)) {
    terms.push_back({SelfSeed(slot.context, secret.Expose(), dealer), MaskSign::kSubtract});
    return absl::OkStatus();
  }
  for (const RosterIndex peer : survivors.Indices()) {
    const X25519PublicKey& key = slot.batch->roster->advert(peer).mask_keys[slot.context.slot];
    VEILSUM_ASSIGN_OR_RETURN(const Secret<32> agreed, X25519Agree(secret.Expose(), key));
    // The peer added this stream when the dealer's index is below its own, else subtracted it.
    terms.push_back({PairSeed(slot.context, agreed, dealer, peer),
                     dealer < peer ? MaskSign::kSubtract : MaskSign::kAdd});
  }
  return absl::OkStatus();
}

// The sum without its masks, decoded; both vectors are walked once, piece by piece.
std::vector<std::int64_t> Unmasked(const SumShape& shape, std::span<const MaskTerm> terms,
                                   std::span<std::uint8_t> accumulator) {
  MaskSum masks(shape.bits, terms);
  std::vector<std::int64_t> values;
  values.reserve(shape.dim);
  for (std::size_t at = 0; at < accumulator.size(); at += kMaskPieceBytes) {
    const auto piece = accumulator.subspan(at, std::min(kMaskPieceBytes, accumulator.size() - at));
    masks.ApplyTo(piece, at / WordBytes(shape.bits));
    const std::size_t first = values.size();
    values.resize(first + piece.size() / WordBytes(shape.bits));
    DecodeCentred(shape.bits, piece, std::span(values).subspan(first));
  }
  return values;
}

}  // namespace

std::optional<std::string> BlamedDealer(const absl::Status& status) {
  const absl::optional<absl::Cord> uri = status.GetPayload(kBlamedDealer);
  if (!uri) return std::nullopt;
  return std::string(*uri);
}

UnmaskPhase::UnmaskPhase(ServerSlot slot, MemberSet survivors, Bytes accumulator)
    : slot_(std::move(slot)),
      survivors_(std::move(survivors)),
      accumulator_(std::move(accumulator)),
      revealed_(slot_.batch->roster->size()),
      reveals_(slot_.batch->roster->size(),
               Reveal{RoundId(0), MemberSet(slot_.batch->roster->size()), {}}) {}

absl::Status UnmaskPhase::Add(RosterIndex sender, Reveal reveal) {
  const MemberSet& active = slot_.batch->active;
  if (!active.Contains(sender))
    return PermissionDenied("sender %d is not in the active set", sender.value());
  if (reveal.round != round())
    return InvalidArgument("the reveal is for round %d, not for %d", reveal.round.value(),
                           round().value());
  if (!reveal.held.IsSubsetOf(active))
    return InvalidArgument("held of sender %d exceeds the active set", sender.value());
  if (reveal.shares.size() != reveal.held.size())
    return InvalidArgument("shares has %d entries, must have %d", reveal.shares.size(),
                           reveal.held.size());
  if (revealed_.Contains(sender)) {
    if (reveals_[sender.value()] == reveal) return absl::OkStatus();
    return AlreadyExists("SA-30: sender %d revealed twice", sender.value());
  }
  revealed_.Insert(sender);
  reveals_[sender.value()] = std::move(reveal);
  return absl::OkStatus();
}

MemberSet UnmaskPhase::Missing() const { return slot_.batch->active.Minus(revealed_); }

bool UnmaskPhase::CanClose() const {
  const std::vector<RosterIndex> responders = revealed_.Indices();
  return std::ranges::all_of(slot_.batch->active.Indices(), [&](RosterIndex dealer) {
    const auto holders = std::ranges::count_if(responders, [&](RosterIndex holder) {
      return reveals_[holder.value()].held.Contains(dealer);
    });
    return holders >= slot_.batch->roster->thresholds().shares;
  });
}

absl::StatusOr<SlotSum> UnmaskPhase::Close() && {
  if (!CanClose())
    return FailedPrecondition("%d reveals are not %d shares of every secret", revealed_.size(),
                              slot_.batch->roster->thresholds().shares);
  Rebuilder rebuilder(slot_, survivors_, revealed_, reveals_);
  std::vector<MaskTerm> terms;
  for (const RosterIndex dealer : slot_.batch->active.Indices()) {
    VEILSUM_ASSIGN_OR_RETURN(const Secret<32> secret, rebuilder.Rebuild(dealer));
    VEILSUM_RETURN_IF_ERROR(AddTerms(slot_, survivors_, dealer, secret, terms));
  }
  return SlotSum{round(), std::move(survivors_), Unmasked(slot_.shape, terms, accumulator_),
                 rebuilder.liars()};
}

}  // namespace veilsum::secure_agg
