#include "secure_agg/server/key_phase.h"

#include <algorithm>
#include <set>

namespace veilsum::secure_agg {
namespace {

// SA-06 for one more advert: a member that repeats somebody's key must not be able to spoil the
// whole roster.
bool SharesAKey(const Advert& a, const Advert& b) {
  std::set<X25519PublicKey> keys(a.mask_keys.begin(), a.mask_keys.end());
  keys.insert(a.channel_key);
  std::set<Hash32> commitments(a.self_commitments.begin(), a.self_commitments.end());
  return keys.contains(b.channel_key) ||
         std::ranges::any_of(b.mask_keys, [&](const auto& k) { return keys.contains(k); }) ||
         std::ranges::any_of(b.self_commitments,
                             [&](const auto& c) { return commitments.contains(c); });
}

}  // namespace

BatchOffer KeyPhase::Offer() const {
  return {batch_.session, batch_.batch, params_->slots(), params_->contract_hash()};
}

absl::Status KeyPhase::Add(std::string_view sender, Advert advert) {
  const Seat* const seat = params_->FindSeat(sender);
  if (seat == nullptr) return PermissionDenied("SA-01: %s is not in the contract", sender);
  if (seat->id != advert.member_id)
    return PermissionDenied("SA-38: %s sent the advert of another seat", sender);
  VEILSUM_ASSIGN_OR_RETURN(VerifiedAdvert entry,
                           VerifiedAdvert::Verify(std::move(advert), *params_, batch_, *verifier_));
  for (const auto& [id, other] : adverts_) {
    if (id != seat->id && SharesAKey(other.advert(), entry.advert()))
      return InvalidArgument("SA-06: %s repeats a key or commitment of %s", sender,
                             other.seat().uri);
  }
  adverts_.insert_or_assign(seat->id, std::move(entry));
  return absl::OkStatus();
}

std::vector<std::string> KeyPhase::Missing() const {
  std::vector<std::string> out;
  for (const Seat& seat : params_->seats()) {
    if (!adverts_.contains(seat.id)) out.push_back(seat.uri);
  }
  return out;
}

bool KeyPhase::CanClose() const { return Thresholds::Create(adverts_.size(), *params_).ok(); }

absl::StatusOr<Sent<UnverifiedRoster, SharePhase>> KeyPhase::Close() && {
  UnverifiedRoster claim{batch_.session, batch_.batch, params_->colluders(), {}};
  std::vector<VerifiedAdvert> adverts;
  for (auto& [id, entry] : adverts_) {
    claim.adverts.push_back(entry.advert());
    adverts.push_back(std::move(entry));
  }
  VEILSUM_ASSIGN_OR_RETURN(VerifiedRoster roster,
                           VerifiedRoster::Assemble(std::move(adverts), *params_, batch_));
  SharePhase next(params_, std::make_shared<const VerifiedRoster>(std::move(roster)), batch_);
  return Sent<UnverifiedRoster, SharePhase>{std::move(claim), std::move(next)};
}

}  // namespace veilsum::secure_agg
