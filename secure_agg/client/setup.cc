#include "secure_agg/client/setup.h"

#include "base/crypto/sha256.h"
#include "secure_agg/arith/shamir.h"
#include "secure_agg/crypto/key_agreement.h"
#include "secure_agg/crypto/share_seal.h"
#include "secure_agg/roster/certificate.h"
#include "secure_agg/transcripts.h"

namespace veilsum::secure_agg {
namespace {

constexpr std::size_t kSlotBytes = BatchSecrets::kSlotBytes;

Advert UnsignedAdvert(const ClientSession& session, const BatchOffer& offer,
                      const X25519PublicKey& channel_key, const LockedBytes& own) {
  Advert advert;
  advert.session = offer.session;
  advert.batch = offer.batch;
  advert.contract_hash = offer.contract_hash;
  advert.member_id = session.member_id();
  advert.certificate = session.identity().certificate;
  advert.certificate_fingerprint = Sha256(advert.certificate);
  advert.channel_key = channel_key;
  for (std::uint16_t slot = 0; slot < offer.slots; ++slot) {
    const auto secrets = own.bytes().subspan(slot * kSlotBytes);
    advert.self_commitments.push_back(SelfCommitment(slot, secrets.first<32>()));
    advert.mask_keys.push_back(X25519Public(secrets.subspan<32, 32>()));
  }
  return advert;
}

struct Dealt {
  std::shared_ptr<BatchSecrets> secrets;
  std::vector<Secret<32>> open_keys;
  ShareUpload upload;
};

// One box for every other member, and the own share kept. Fails when a peer's channel key has small
// order (SA-09).
absl::Status Deal(const Secret<32>& channel_key, SecureRng& rng, Dealt& dealt) {
  BatchSecrets& secrets = *dealt.secrets;
  const std::span<const std::uint8_t> own = secrets.OwnSecrets();
  const VerifiedRoster& roster = secrets.roster();
  const RosterIndex self = secrets.self();
  const LockedBytes shares = DealShares(own, roster.thresholds().shares, roster.size(), rng);
  for (const RosterIndex peer : MemberSet::All(roster.size()).Indices()) {
    const auto share = shares.bytes().subspan(peer.value() * own.size(), own.size());
    if (peer == self) {
      std::ranges::copy(share, secrets.Bundle(self).begin());
      dealt.open_keys.push_back(rng.NewSecret<32>());  // never used
      continue;
    }
    VEILSUM_ASSIGN_OR_RETURN(const Secret<32> agreed,
                             X25519Agree(channel_key.Expose(), roster.advert(peer).channel_key));
    const Secret<32> seal_key = ChannelKey(agreed, roster.hash(), self, peer);
    const Transcript context = ShareBoxContext(roster.hash(), self, peer);
    dealt.upload.boxes.push_back({peer, SealShares(seal_key, share, context.bytes())});
    dealt.open_keys.push_back(ChannelKey(agreed, roster.hash(), peer, self));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Sent<Advert, BatchAdvertised>> BatchAdvertised::Start(
    std::shared_ptr<ClientSession> session, const BatchOffer& offer, SecureRng& rng) {
  VEILSUM_RETURN_IF_ERROR(session->BeginBatch(offer));
  LockedBytes own(offer.slots * kSlotBytes);
  rng.Fill(own.bytes());  // SA-07
  Secret<32> channel_key = rng.NewSecret<32>();
  Advert advert = UnsignedAdvert(*session, offer, X25519Public(channel_key.Expose()), own);
  advert.signature = session->identity().signer->Sign(AdvertStatement(advert).bytes());
  BatchAdvertised next(std::move(session), advert, std::move(channel_key), std::move(own));
  return Sent<Advert, BatchAdvertised>{std::move(advert), std::move(next)};
}

absl::StatusOr<Sent<ShareUpload, AwaitingShares>> BatchAdvertised::OnRoster(
    UnverifiedRoster claim, const SeatVerifier& verifier, SecureRng& rng) && {
  if (session_ == nullptr) return FailedPrecondition("SA-07: one advert serves one roster");
  const std::shared_ptr<ClientSession> session = std::move(session_);
  VEILSUM_RETURN_IF_ERROR(session->CheckNotAlarmed());
  const BatchId batch{advert_.session, advert_.batch};
  if (session->last_batch_ != batch)
    return FailedPrecondition("SA-33: a newer batch was offered after this one");
  VEILSUM_ASSIGN_OR_RETURN(
      VerifiedRoster roster,
      VerifiedRoster::Verify(std::move(claim), session->params(), batch, verifier));
  const std::optional<RosterIndex> self =
      roster.IndexOf(session->member_id());  // SA-05; once, as SA-06 sorts strictly
  if (!self) return InvalidArgument("SA-05: the roster leaves this client out");
  if (roster.advert(*self) != advert_)
    return InvalidArgument("SA-05: the own entry is not the advert that was sent");

  LockedBytes held(roster.size() * own_.bytes().size());
  Dealt dealt;
  dealt.secrets = std::make_shared<BatchSecrets>(session, batch, std::move(roster), *self,
                                                 std::move(own_), std::move(held));
  VEILSUM_RETURN_IF_ERROR(Deal(channel_key_, rng, dealt));
  session->Register(dealt.secrets);
  AwaitingShares next(std::move(dealt.secrets), std::move(dealt.open_keys), dealt.upload);
  return Sent<ShareUpload, AwaitingShares>{std::move(dealt.upload), std::move(next)};
}

absl::StatusOr<Sent<ShareReport, AwaitingActiveSet>> AwaitingShares::OnShares(
    const ShareDelivery& delivery) && {
  if (secrets_ == nullptr)
    return FailedPrecondition("SA-10: the shares of this batch were already taken");
  const std::shared_ptr<BatchSecrets> secrets = std::move(secrets_);
  VEILSUM_RETURN_IF_ERROR(secrets->session().CheckNotAlarmed());
  if (!secrets->Alive(0)) return FailedPrecondition("SA-33: the batch was superseded");
  const VerifiedRoster& roster = secrets->roster();
  MemberSet held(roster.size());
  held.Insert(secrets->self());
  for (std::size_t i = 0; i < delivery.boxes.size(); ++i) {
    const ShareBox& delivered = delivery.boxes[i];
    const RosterIndex dealer = delivered.peer;
    if (dealer.value() >= roster.size() || dealer == secrets->self() ||
        (i > 0 && dealer <= delivery.boxes[i - 1].peer))
      return InvalidArgument("SA-10: dealer %d is out of order, outside the roster, or this client",
                             dealer.value());
    const Transcript context = ShareBoxContext(roster.hash(), dealer, secrets->self());
    if (OpenShares(open_keys_[dealer.value()], delivered.box, context.bytes(),
                   secrets->Bundle(dealer)))  // SA-10
      held.Insert(dealer);
  }
  open_keys_.clear();
  ShareReport report{std::move(held)};
  return Sent<ShareReport, AwaitingActiveSet>{report, AwaitingActiveSet(secrets, report)};
}

absl::StatusOr<Sent<SetupSignature, AwaitingSetupCertificate>> AwaitingActiveSet::OnActiveSet(
    const ActiveSet& active) && {
  if (secrets_ == nullptr)
    return FailedPrecondition("SA-12: this batch's set was already signed or refused");
  const std::shared_ptr<BatchSecrets> secrets = std::move(secrets_);
  ClientSession& session = secrets->session();
  VEILSUM_RETURN_IF_ERROR(session.CheckNotAlarmed());
  if (!secrets->Alive(0)) return FailedPrecondition("SA-33: the batch was superseded");
  const VerifiedRoster& roster = secrets->roster();
  // SA-11
  if (active.members.roster_size() != roster.size())
    return InvalidArgument("SA-11: the set is not over this roster");
  if (!active.members.Contains(secrets->self()))
    return InvalidArgument("SA-11: the set leaves this client out");
  if (active.members.size() < roster.thresholds().floor)
    return InvalidArgument("SA-11: the set has %d members, must have at least %d",
                           active.members.size(), roster.thresholds().floor);
  if (!active.members.IsSubsetOf(report_.held))
    return InvalidArgument("SA-11: no valid bundle is held of member %d",
                           active.members.Minus(report_.held).Indices().front().value());
  VEILSUM_RETURN_IF_ERROR(session.TakeSetupSignature(secrets->id()));  // SA-12
  secrets->Activate(active.members);
  const Transcript statement = SetupStatement(roster.hash(), active.members);
  SetupSignature signature{session.identity().signer->Sign(statement.bytes())};
  return Sent<SetupSignature, AwaitingSetupCertificate>{signature,
                                                        AwaitingSetupCertificate(secrets)};
}

absl::StatusOr<Batch> AwaitingSetupCertificate::OnCertificate(const Certificate& certificate) && {
  if (secrets_ == nullptr)
    return FailedPrecondition("SA-13: this batch's certificate was already taken");
  std::shared_ptr<BatchSecrets> secrets = std::move(secrets_);
  VEILSUM_RETURN_IF_ERROR(secrets->session().CheckNotAlarmed());
  if (!secrets->Alive(0)) return FailedPrecondition("SA-33: the batch was superseded");
  const VerifiedRoster& roster = secrets->roster();
  const Transcript statement = SetupStatement(roster.hash(), secrets->active());
  VEILSUM_RETURN_IF_ERROR(
      VerifyCertificate("SA-13", roster, secrets->active(), statement.bytes(), certificate));
  return Batch(std::move(secrets));
}

}  // namespace veilsum::secure_agg
