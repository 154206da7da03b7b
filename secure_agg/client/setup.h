// Setup of a batch as a client sees it: BatchAdvertised -> AwaitingShares -> AwaitingActiveSet ->
// AwaitingSetupCertificate
// -> Batch. Each step consumes its phase; an error drops the batch and wipes its keys (the client
// waits for the next offer).
#pragma once

#include "secure_agg/client/batch.h"
#include "secure_agg/client/session.h"
#include "secure_agg/sent.h"

namespace veilsum::secure_agg {

// The certificate over V, then slots may be used.
class AwaitingSetupCertificate {
 public:
  // SA-13: at least q distinct signers of V over the own roster_hash and V.
  absl::StatusOr<Batch> OnCertificate(const Certificate& certificate) &&;

 private:
  friend class AwaitingActiveSet;
  explicit AwaitingSetupCertificate(std::shared_ptr<BatchSecrets> secrets)
      : secrets_(std::move(secrets)) {}
  std::shared_ptr<BatchSecrets> secrets_;
};

class AwaitingActiveSet {
 public:
  // Signs V if it contains this client, has at least max(q, U_min) members, and a bundle of each
  // other member is held (SA-11); once per batch (SA-12).
  absl::StatusOr<Sent<SetupSignature, AwaitingSetupCertificate>> OnActiveSet(
      const ActiveSet& active) &&;
  const ShareReport& sent() const { return report_; }

 private:
  friend class AwaitingShares;
  AwaitingActiveSet(std::shared_ptr<BatchSecrets> secrets, ShareReport report)
      : secrets_(std::move(secrets)), report_(std::move(report)) {}
  std::shared_ptr<BatchSecrets> secrets_;
  ShareReport report_;
};

class AwaitingShares {
 public:
  // Opens the boxes addressed to this client. One that does not open, or is missing, is reported as
  // not held (SA-10). InvalidArgument: dealers not strictly ascending, outside the roster, or this
  // client itself.
  absl::StatusOr<Sent<ShareReport, AwaitingActiveSet>> OnShares(const ShareDelivery& delivery) &&;
  const ShareUpload& sent() const { return upload_; }  // for a byte-identical retry (SA-08)

 private:
  friend class BatchAdvertised;
  AwaitingShares(std::shared_ptr<BatchSecrets> secrets, std::vector<Secret<32>> open_keys,
                 ShareUpload upload)
      : secrets_(std::move(secrets)),
        open_keys_(std::move(open_keys)),
        upload_(std::move(upload)) {}
  std::shared_ptr<BatchSecrets> secrets_;
  std::vector<Secret<32>> open_keys_;  // chan(j -> me), by dealer; the own place is unused
  ShareUpload upload_;
};

class BatchAdvertised {
 public:
  // Fresh keys for every advert (SA-07). InvalidArgument when the offer is not of this contract,
  // its B is not the contract's (SA-02), or its batch number does not increase (SA-33); DataLoss
  // when the session is alarmed.
  static absl::StatusOr<Sent<Advert, BatchAdvertised>> Start(std::shared_ptr<ClientSession> session,
                                                             const BatchOffer& offer,
                                                             SecureRng& rng);
  // SA-01 to SA-06, SA-09; deals one box per other member, once (SA-08).
  absl::StatusOr<Sent<ShareUpload, AwaitingShares>> OnRoster(UnverifiedRoster claim,
                                                             const SeatVerifier& verifier,
                                                             SecureRng& rng) &&;
  const Advert& sent() const { return advert_; }

 private:
  BatchAdvertised(std::shared_ptr<ClientSession> session, Advert advert, Secret<32> channel_key,
                  LockedBytes own)
      : session_(std::move(session)),
        advert_(std::move(advert)),
        channel_key_(std::move(channel_key)),
        own_(std::move(own)) {}
  std::shared_ptr<ClientSession> session_;
  Advert advert_;
  Secret<32> channel_key_;  // c_sk
  LockedBytes own_;         // for slot 0..B-1: b, s_sk
};

}  // namespace veilsum::secure_agg
