// One slot as a client sees it: AwaitingInput -> AwaitingCommit -> AwaitingCertificate -> Revealed.
// Each step consumes its phase. A refusal erases the slot's secrets (the client waits for a higher
// slot). A phase may be discarded at any time; Batch::Accept of a higher slot then goes on.
#pragma once

#include "secure_agg/client/batch_secrets.h"
#include "secure_agg/sent.h"
#include "secure_agg/transcripts.h"

namespace veilsum::secure_agg {

// What all phases of a slot share. Internal to this folder.
class SlotCore {
 public:
  SlotCore(std::shared_ptr<BatchSecrets> secrets, SlotContext context, SumShape shape)
      : secrets_(std::move(secrets)), context_(std::move(context)), shape_(shape) {}
  const SlotContext& context() const { return context_; }
  const SumShape& shape() const { return shape_; }
  absl::StatusOr<MaskedUpload> Mask(std::span<const std::int64_t> values);
  absl::StatusOr<CommitSignature> Sign(const CommitRequest& request, bool uploaded);
  absl::StatusOr<Reveal> MakeReveal(const CommitCertificate& certificate,
                                    const MemberSet& signed_set);
  absl::Status CheckAlive() const;
  absl::Status Refuse(absl::Status reason);  // erases the slot, hands the reason back
  absl::Status Alarm(absl::Status reason);   // Refuse, and the session stops
  void Erase();

 private:
  std::shared_ptr<BatchSecrets> secrets_;
  SlotContext context_;
  SumShape shape_;
};

// The reveal was sent; kept for a byte-identical repeat.
class Revealed {
 public:
  RoundId round() const { return core_.context().round; }
  // The same certificate again: the same bytes. One over another U: DataLoss, alarm (SA-30). One
  // for another round: InvalidArgument, the slot is erased.
  absl::StatusOr<Reveal> Repeat(const CommitCertificate& certificate);
  // A commit request that comes after the reveal is never signed: FailedPrecondition, or DataLoss
  // and alarm when it is over another U (SA-26).
  absl::Status OnCommit(const CommitRequest& request);
  // On RoundClosed (the coordinator has acknowledged) or the client's own deadline: erases the slot
  // (SA-31).
  void Close() &&;

 private:
  friend class AwaitingCertificate;
  Revealed(SlotCore core, MemberSet signed_set, Reveal reveal)
      : core_(std::move(core)), signed_(std::move(signed_set)), reveal_(std::move(reveal)) {}
  SlotCore core_;
  MemberSet signed_;
  Reveal reveal_;
};

class AwaitingCertificate {
 public:
  RoundId round() const { return core_.context().round; }
  // The same CommitRequest again: the same signature. Another U: DataLoss, alarm, the slot is
  // erased (SA-26). Another round: InvalidArgument, the slot is erased.
  absl::StatusOr<CommitSignature> Repeat(const CommitRequest& request);
  // SA-28, SA-29, SA-30: b shares for U and mask-key shares for V\U, never both of one dealer.
  absl::StatusOr<Sent<Reveal, Revealed>> OnCertificate(const CommitCertificate& certificate) &&;

 private:
  friend class AwaitingInput;
  friend class AwaitingCommit;
  AwaitingCertificate(SlotCore core, MemberSet signed_set, CommitSignature signature)
      : core_(std::move(core)), signed_(std::move(signed_set)), signature_(signature) {}
  SlotCore core_;
  MemberSet signed_;
  CommitSignature signature_;
};

class AwaitingCommit {
 public:
  RoundId round() const { return core_.context().round; }
  // The upload, for byte-identical retries by the transport (SA-18).
  const MaskedUpload& sent() const { return upload_; }
  // Signs U: SA-23, SA-24, SA-26. U may leave this client out; the round is spent all the same.
  absl::StatusOr<Sent<CommitSignature, AwaitingCertificate>> OnCommit(
      const CommitRequest& request) &&;

 private:
  friend class AwaitingInput;
  AwaitingCommit(SlotCore core, MaskedUpload upload)
      : core_(std::move(core)), upload_(std::move(upload)) {}
  SlotCore core_;
  MaskedUpload upload_;
};

class AwaitingInput {
 public:
  RoundId round() const { return core_.context().round; }
  const SumShape& shape() const { return core_.shape(); }
  // `values`: exactly dim integers, noise included; each is reduced modulo 2^k. Masks run over all
  // of V (SA-19).
  absl::StatusOr<Sent<MaskedUpload, AwaitingCommit>> OnInput(
      std::span<const std::int64_t> values) &&;
  // A member without an upload signs too, if U leaves it out (SA-25: else alarm), and then never
  // uploads (SA-27).
  absl::StatusOr<Sent<CommitSignature, AwaitingCertificate>> OnCommit(
      const CommitRequest& request) &&;

 private:
  friend class Batch;
  explicit AwaitingInput(SlotCore core) : core_(std::move(core)) {}
  SlotCore core_;
};

}  // namespace veilsum::secure_agg
