// RoundStart, CommitRequest, CommitSignature, CommitCertificate, Reveal and RoundClosed on the
// wire. Errors are InvalidArgument and name the field. Round number 0 is refused everywhere.
#pragma once

#include "secure_agg/messages.h"
#include "secure_agg/wire/fields.h"
#include "veilsum/secagg/v1/secagg.pb.h"

namespace veilsum::secure_agg {

absl::StatusOr<RoundStart> ParseRoundStart(const secagg::v1::RoundStart& wire,
                                           const WireLimits& limits);
secagg::v1::RoundStart EncodeRoundStart(const RoundStart& start);

absl::StatusOr<CommitRequest> ParseCommitRequest(const secagg::v1::CommitRequest& wire,
                                                 const WireLimits& limits);
secagg::v1::CommitRequest EncodeCommitRequest(const CommitRequest& request);

absl::StatusOr<CommitSignature> ParseCommitSignature(const secagg::v1::CommitSignature& wire);
secagg::v1::CommitSignature EncodeCommitSignature(const CommitSignature& signature);

absl::StatusOr<CommitCertificate> ParseCommitCertificate(const secagg::v1::CommitCertificate& wire,
                                                         const WireLimits& limits);
secagg::v1::CommitCertificate EncodeCommitCertificate(const CommitCertificate& certificate);

// Exactly one share of 32 bytes per dealer in `held`.
absl::StatusOr<Reveal> ParseReveal(const secagg::v1::Reveal& wire, const WireLimits& limits);
secagg::v1::Reveal EncodeReveal(const Reveal& reveal);

absl::StatusOr<RoundId> ParseRoundClosed(const secagg::v1::RoundClosed& wire);
secagg::v1::RoundClosed EncodeRoundClosed(RoundId round);

}  // namespace veilsum::secure_agg
