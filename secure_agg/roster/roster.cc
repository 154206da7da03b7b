#include "secure_agg/roster/roster.h"

#include <algorithm>
#include <array>

#include "base/crypto/sha256.h"
#include "secure_agg/crypto/key_agreement.h"
#include "secure_agg/transcripts.h"

namespace veilsum::secure_agg {
namespace {

absl::Status CheckBelongs(const Advert& advert, const SessionParams& params, const BatchId& batch) {
  // SA-04
  if (BatchId{advert.session, advert.batch} != batch)
    return InvalidArgument("SA-04: the advert is for another session or batch than %d",
                           batch.batch);
  if (advert.contract_hash != params.contract_hash())
    return InvalidArgument("SA-04: the advert is for another contract");
  if (advert.mask_keys.size() != params.slots() || advert.self_commitments.size() != params.slots())
    return InvalidArgument("SA-04: the advert has %d mask keys and %d commitments, must have %d",
                           advert.mask_keys.size(), advert.self_commitments.size(), params.slots());
  return absl::OkStatus();
}

absl::Status CheckCanonical(const Advert& advert) {
  // SA-06
  if (!IsCanonicalX25519(advert.channel_key))
    return InvalidArgument("SA-06: channel_key is not canonical");
  for (const X25519PublicKey& key : advert.mask_keys) {
    if (!IsCanonicalX25519(key)) return InvalidArgument("SA-06: a mask key is not canonical");
  }
  return absl::OkStatus();
}

template <class T>
bool HasDuplicate(std::vector<T> values) {
  std::ranges::sort(values);
  return std::ranges::adjacent_find(values) != values.end();
}

absl::Status CheckDistinct(const std::vector<VerifiedAdvert>& adverts) {
  // SA-06: neither a key nor a commitment twice, over all members and slots; both kinds of key
  // count as one.
  std::vector<X25519PublicKey> keys;
  std::vector<Hash32> commitments;
  for (const VerifiedAdvert& entry : adverts) {
    const Advert& advert = entry.advert();
    keys.push_back(advert.channel_key);
    keys.insert(keys.end(), advert.mask_keys.begin(), advert.mask_keys.end());
    commitments.insert(commitments.end(), advert.self_commitments.begin(),
                       advert.self_commitments.end());
  }
  if (HasDuplicate(std::move(keys)))
    return InvalidArgument("SA-06: two public keys of the roster are equal");
  if (HasDuplicate(std::move(commitments)))
    return InvalidArgument("SA-06: two commitments of the roster are equal");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<VerifiedAdvert> VerifiedAdvert::Verify(Advert advert, const SessionParams& params,
                                                      const BatchId& batch,
                                                      const SeatVerifier& verifier) {
  VEILSUM_RETURN_IF_ERROR(CheckBelongs(advert, params, batch));
  VEILSUM_RETURN_IF_ERROR(CheckCanonical(advert));
  // SA-01
  const Seat* const seat = params.FindSeat(advert.member_id);
  if (seat == nullptr)
    return InvalidArgument("SA-01: member %s is not in the contract",
                           HexEncode(advert.member_id).substr(0, 16));
  if (Sha256(advert.certificate) != advert.certificate_fingerprint)
    return InvalidArgument("SA-01: %s: the certificate is not the one its fingerprint names",
                           seat->uri);
  auto identity = verifier.Verify(advert.certificate, advert.certificate_fingerprint);
  if (!identity.ok()) return Annotate(identity.status(), "SA-01: " + seat->uri);
  if (identity->uri != seat->uri)
    return InvalidArgument("SA-01: the certificate of %s is presented for %s", identity->uri,
                           seat->uri);
  // SA-04
  const Transcript statement = AdvertStatement(advert);
  if (!Ed25519Verify(identity->key, statement.bytes(), advert.signature))
    return Unauthenticated("SA-04: %s: the advert's signature is not valid", seat->uri);
  return VerifiedAdvert(std::move(advert), *std::move(identity), statement.Sha256());
}

absl::StatusOr<VerifiedRoster> VerifiedRoster::Verify(UnverifiedRoster claim,
                                                      const SessionParams& params,
                                                      const BatchId& batch,
                                                      const SeatVerifier& verifier) {
  if (BatchId{claim.session, claim.batch} != batch)
    return InvalidArgument("SA-04: the roster is for another session or batch than %d",
                           batch.batch);
  if (claim.colluders != params.colluders())  // SA-02
    return InvalidArgument("SA-02: colluders is %d, the contract says %d", claim.colluders,
                           params.colluders());
  VEILSUM_RETURN_IF_ERROR(
      Thresholds::Create(claim.adverts.size(), params).status());  // before the costly part
  std::vector<VerifiedAdvert> adverts;
  adverts.reserve(claim.adverts.size());
  for (Advert& advert : claim.adverts) {
    VEILSUM_ASSIGN_OR_RETURN(VerifiedAdvert entry,
                             VerifiedAdvert::Verify(std::move(advert), params, batch, verifier));
    adverts.push_back(std::move(entry));
  }
  return Assemble(std::move(adverts), params, batch);
}

absl::StatusOr<VerifiedRoster> VerifiedRoster::Assemble(std::vector<VerifiedAdvert> adverts,
                                                        const SessionParams& params,
                                                        const BatchId& batch) {
  VEILSUM_ASSIGN_OR_RETURN(const Thresholds thresholds,
                           Thresholds::Create(adverts.size(), params));  // SA-03
  for (std::size_t i = 1; i < adverts.size(); ++i) {
    if (adverts[i].advert().member_id <= adverts[i - 1].advert().member_id)
      return InvalidArgument(
          "SA-06: entry %d is not above the one before: a seat twice, or not sorted", i);
  }
  VEILSUM_RETURN_IF_ERROR(CheckDistinct(adverts));
  const Hash32 hash = RosterHash(batch, params, thresholds, adverts);
  return VerifiedRoster(std::move(adverts), thresholds, hash);
}

std::optional<RosterIndex> VerifiedRoster::IndexOf(std::string_view uri) const {
  for (std::size_t i = 0; i < adverts_.size(); ++i) {
    if (adverts_[i].seat().uri == uri) return RosterIndex(static_cast<std::uint16_t>(i));
  }
  return std::nullopt;
}

std::optional<RosterIndex> VerifiedRoster::IndexOf(const MemberId& id) const {
  for (std::size_t i = 0; i < adverts_.size(); ++i) {
    if (adverts_[i].advert().member_id == id) return RosterIndex(static_cast<std::uint16_t>(i));
  }
  return std::nullopt;
}

}  // namespace veilsum::secure_agg
