#include "secure_agg/client/slot.h"

#include <algorithm>

#include "secure_agg/arith/ring.h"
#include "secure_agg/crypto/key_agreement.h"
#include "secure_agg/crypto/mask_stream.h"
#include "secure_agg/roster/certificate.h"

namespace veilsum::secure_agg {
namespace {

void WipeAndDelete(const Bytes* words) {
  Bytes* const mine = const_cast<Bytes*>(words);  // made non-const by Mask, which owns it
  sodium_memzero(mine->data(), mine->size());
  delete mine;
}

// The masks of one upload (SA-19): pair streams with every other member of V, added for lower
// indices and subtracted for higher ones, and the own stream.
absl::StatusOr<std::vector<MaskTerm>> MaskTerms(const BatchSecrets& secrets,
                                                const SlotContext& context) {
  const RosterIndex self = secrets.self();
  std::vector<MaskTerm> terms;
  for (const RosterIndex peer : secrets.active().Indices()) {
    if (peer == self) continue;
    const X25519PublicKey& key = secrets.roster().advert(peer).mask_keys[context.slot];
    VEILSUM_ASSIGN_OR_RETURN(const Secret<32> agreed,
                             X25519Agree(secrets.MaskKey(context.slot), key));
    terms.push_back({PairSeed(context, agreed, self, peer),
                     peer < self ? MaskSign::kAdd : MaskSign::kSubtract});
  }
  terms.push_back({SelfSeed(context, secrets.SelfSecret(context.slot), self), MaskSign::kAdd});
  return terms;
}

}  // namespace

absl::Status SlotCore::CheckAlive() const {
  if (secrets_ == nullptr) return FailedPrecondition("SA-27: the phase was already used");
  VEILSUM_RETURN_IF_ERROR(secrets_->session().CheckNotAlarmed());
  if (!secrets_->Alive(context_.slot))
    return FailedPrecondition("SA-31: the secrets of slot %d are erased", context_.slot);
  return absl::OkStatus();
}

void SlotCore::Erase() {
  if (secrets_ != nullptr) secrets_->EraseBelow(static_cast<std::uint16_t>(context_.slot + 1));
}

absl::Status SlotCore::Refuse(absl::Status reason) {
  Erase();
  return reason;
}

absl::Status SlotCore::Alarm(absl::Status reason) {
  return secrets_->session().Alarm(Refuse(std::move(reason)));
}

absl::StatusOr<MaskedUpload> SlotCore::Mask(std::span<const std::int64_t> values) {
  VEILSUM_RETURN_IF_ERROR(CheckAlive());
  if (values.size() != shape_.dim)
    return Refuse(
        InvalidArgument("values has %d elements, must have %d", values.size(), shape_.dim));
  auto terms = MaskTerms(*secrets_, context_);
  if (!terms.ok()) return Refuse(terms.status());
  auto* const words = new Bytes();
  MaskedUpload upload{context_.round, std::shared_ptr<const Bytes>(words, &WipeAndDelete)};
  words->reserve(shape_.UploadBytes());
  MaskSum masks(shape_.bits, *terms);
  const std::size_t most = kMaskPieceBytes / WordBytes(shape_.bits);
  for (std::size_t first = 0; first < values.size(); first += most) {  // memory is walked once
    const auto piece = values.subspan(first, std::min(most, values.size() - first));
    const std::size_t start = words->size();
    words->resize(start + piece.size() * WordBytes(shape_.bits));
    const std::span<std::uint8_t> masked = std::span(*words).subspan(start);
    EncodeRing(shape_.bits, piece, masked);
    masks.ApplyTo(masked, first);
  }
  return upload;
}

absl::StatusOr<CommitSignature> SlotCore::Sign(const CommitRequest& request, bool uploaded) {
  VEILSUM_RETURN_IF_ERROR(CheckAlive());
  const MemberSet& survivors = request.members;
  const Thresholds& thresholds = secrets_->roster().thresholds();
  if (request.round != context_.round)  // SA-24
    return Refuse(InvalidArgument("SA-24: the commit is for round %d, not for %d",
                                  request.round.value(), context_.round.value()));
  // SA-23
  if (!survivors.IsSubsetOf(secrets_->active()))
    return Refuse(InvalidArgument("SA-23: the survivors are not a subset of the active set"));
  if (survivors.size() < thresholds.floor)
    return Refuse(InvalidArgument("SA-23: %d survivors, must be at least %d", survivors.size(),
                                  thresholds.floor));
  if (!uploaded && survivors.Contains(secrets_->self()))  // SA-25
    return Alarm(DataLoss("SA-25 alarm: listed as a survivor of round %d without an upload",
                          context_.round.value()));
  const Transcript statement = CommitStatement(context_, survivors);
  return CommitSignature{context_.round,
                         secrets_->session().identity().signer->Sign(statement.bytes())};
}

absl::StatusOr<Reveal> SlotCore::MakeReveal(const CommitCertificate& certificate,
                                            const MemberSet& signed_set) {
  VEILSUM_RETURN_IF_ERROR(CheckAlive());
  if (certificate.round != context_.round)
    return Refuse(InvalidArgument("SA-29: the certificate is for round %d, not for %d",
                                  certificate.round.value(), context_.round.value()));
  if (certificate.members != signed_set)  // SA-30
    return Alarm(DataLoss("SA-30 alarm: a certificate over other survivors of round %d",
                          context_.round.value()));
  const MemberSet& active = secrets_->active();
  const absl::Status
      verified =  // SA-28: over the statement rebuilt from what this client accepted and signed
      VerifyCertificate("SA-28", secrets_->roster(), active,
                        CommitStatement(context_, signed_set).bytes(), certificate.certificate);
  if (!verified.ok()) return Refuse(verified);
  Reveal reveal{context_.round, active, {}};
  for (const RosterIndex dealer : active.Indices()) {  // SA-29
    const auto share = signed_set.Contains(dealer) ? secrets_->SelfShare(context_.slot, dealer)
                                                   : secrets_->MaskKeyShare(context_.slot, dealer);
    std::ranges::copy(share, reveal.shares.emplace_back().begin());
  }
  return reveal;
}

absl::StatusOr<Sent<MaskedUpload, AwaitingCommit>> AwaitingInput::OnInput(
    std::span<const std::int64_t> values) && {
  VEILSUM_ASSIGN_OR_RETURN(MaskedUpload upload, core_.Mask(values));
  return Sent<MaskedUpload, AwaitingCommit>{upload, AwaitingCommit(std::move(core_), upload)};
}

absl::StatusOr<Sent<CommitSignature, AwaitingCertificate>> AwaitingInput::OnCommit(
    const CommitRequest& request) && {
  // SA-27: the phase that could upload is consumed.
  VEILSUM_ASSIGN_OR_RETURN(const CommitSignature signature,
                           core_.Sign(request, /*uploaded=*/false));
  return Sent<CommitSignature, AwaitingCertificate>{
      signature, AwaitingCertificate(std::move(core_), request.members, signature)};
}

absl::StatusOr<Sent<CommitSignature, AwaitingCertificate>> AwaitingCommit::OnCommit(
    const CommitRequest& request) && {
  VEILSUM_ASSIGN_OR_RETURN(const CommitSignature signature, core_.Sign(request, /*uploaded=*/true));
  upload_.words.reset();
  return Sent<CommitSignature, AwaitingCertificate>{
      signature, AwaitingCertificate(std::move(core_), request.members, signature)};
}

absl::StatusOr<CommitSignature> AwaitingCertificate::Repeat(const CommitRequest& request) {
  VEILSUM_RETURN_IF_ERROR(core_.CheckAlive());
  if (request.round != round())
    return core_.Refuse(InvalidArgument("SA-24: the commit is for round %d, not for %d",
                                        request.round.value(), round().value()));
  if (request.members == signed_) return signature_;
  return core_.Alarm(
      DataLoss("SA-26 alarm: a second, different commit request in round %d", round().value()));
}

absl::StatusOr<Sent<Reveal, Revealed>> AwaitingCertificate::OnCertificate(
    const CommitCertificate& certificate) && {
  VEILSUM_ASSIGN_OR_RETURN(Reveal reveal, core_.MakeReveal(certificate, signed_));
  return Sent<Reveal, Revealed>{reveal, Revealed(std::move(core_), std::move(signed_), reveal)};
}

absl::StatusOr<Reveal> Revealed::Repeat(const CommitCertificate& certificate) {
  VEILSUM_RETURN_IF_ERROR(core_.CheckAlive());
  if (certificate.round != round())
    return core_.Refuse(InvalidArgument("SA-29: the certificate is for round %d, not for %d",
                                        certificate.round.value(), round().value()));
  if (certificate.members == signed_) return reveal_;
  return core_.Alarm(
      DataLoss("SA-30 alarm: a certificate over other survivors of round %d", round().value()));
}

absl::Status Revealed::OnCommit(const CommitRequest& request) {
  VEILSUM_RETURN_IF_ERROR(core_.CheckAlive());
  if (request.round != round() || request.members == signed_)
    return FailedPrecondition("SA-26: the survivors of round %d are signed and revealed",
                              round().value());
  return core_.Alarm(
      DataLoss("SA-26 alarm: a second, different commit request in round %d", round().value()));
}

void Revealed::Close() && { core_.Erase(); }

}  // namespace veilsum::secure_agg
