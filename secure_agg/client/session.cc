#include "secure_agg/client/session.h"

#include <algorithm>

#include "secure_agg/client/batch_secrets.h"

namespace veilsum::secure_agg {
namespace {

constexpr std::size_t kMaxRetiredSessions =
    4096;  // coordinator restarts that one client process outlives

absl::Status CheckCertificateSize(const Bytes& certificate) {
  if (certificate.empty() || certificate.size() > kMaxCertificateBytes)
    return InvalidArgument("certificate has %d bytes, must have 1 to %d", certificate.size(),
                           kMaxCertificateBytes);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<ClientSession>> ClientSession::Create(SessionParams params,
                                                                     SigningIdentity identity,
                                                                     RoundId last_round) {
  const Seat* const seat = params.FindSeat(identity.uri);
  if (seat == nullptr) return InvalidArgument("SA-01: %s is not in the contract", identity.uri);
  if (identity.signer == nullptr) return InvalidArgument("identity has no signing key");
  VEILSUM_RETURN_IF_ERROR(CheckCertificateSize(identity.certificate));
  const MemberId id = seat->id;
  return std::shared_ptr<ClientSession>(
      new ClientSession(std::move(params), std::move(identity), id, last_round));
}

absl::Status ClientSession::RenewCertificate(Bytes certificate) {
  VEILSUM_RETURN_IF_ERROR(CheckCertificateSize(certificate));
  identity_.certificate = std::move(certificate);
  return absl::OkStatus();
}

absl::Status ClientSession::CheckNotAlarmed() const {
  if (alarmed_)
    return DataLoss("SA-43: an earlier alarm stopped this session until an operator acts");
  return absl::OkStatus();
}

absl::Status ClientSession::Alarm(absl::Status reason) {
  alarmed_ = true;
  for (const auto& batch : alive_) {
    if (const auto secrets = batch.lock()) secrets->EraseAll();
  }
  return reason;
}

absl::Status ClientSession::BeginBatch(const BatchOffer& offer) {
  VEILSUM_RETURN_IF_ERROR(CheckNotAlarmed());
  if (offer.contract_hash != params_.contract_hash())
    return InvalidArgument("SA-02: the offer is for another contract");
  if (offer.slots != params_.slots())
    return InvalidArgument("SA-02: slots is %d, the contract says %d", offer.slots,
                           params_.slots());
  if (retired_.contains(offer.session))
    return InvalidArgument("SA-33: the offer returns to a session left behind");
  if (last_batch_ && last_batch_->session == offer.session) {
    if (offer.batch <= last_batch_->batch)
      return InvalidArgument("SA-33: batch %d does not follow batch %d", offer.batch,
                             last_batch_->batch);
  } else if (last_batch_) {
    if (retired_.size() >= kMaxRetiredSessions)
      return InvalidArgument("SA-33: too many sessions; start a new process");
    retired_.insert(last_batch_->session);
    for (const auto& batch : alive_) {
      if (const auto secrets = batch.lock()) secrets->EraseAll();
    }
    alive_.clear();
  }
  last_batch_ = BatchId{offer.session, offer.batch};
  return absl::OkStatus();
}

absl::Status ClientSession::TakeSetupSignature(const BatchId& batch) {
  if (last_signed_ && last_signed_->session == batch.session && batch.batch <= last_signed_->batch)
    return FailedPrecondition("SA-12: a set of batch %d or later is already signed", batch.batch);
  if (retired_.contains(batch.session))
    return FailedPrecondition("SA-12: the session was left behind");
  last_signed_ = batch;
  return absl::OkStatus();
}

void ClientSession::Register(const std::shared_ptr<BatchSecrets>& secrets) {
  std::erase_if(alive_, [](const auto& batch) { return batch.expired(); });
  // SA-33: of two alive only the older can be in use, because a round of the newer would have
  // erased it.
  if (alive_.size() >= 2) {
    if (const auto superseded = alive_.back().lock()) superseded->EraseAll();
    alive_.pop_back();
  }
  alive_.push_back(secrets);
}

void ClientSession::EraseOlderThan(const BatchSecrets& current) {
  while (!alive_.empty()) {
    const auto oldest = alive_.front().lock();
    if (oldest.get() == &current) return;
    if (oldest != nullptr) oldest->EraseAll();
    alive_.erase(alive_.begin());
  }
}

}  // namespace veilsum::secure_agg
