// ActiveSet, SetupSignature and Certificate on the wire. Errors are InvalidArgument and name the
// field.
#pragma once

#include "secure_agg/messages.h"
#include "secure_agg/wire/fields.h"
#include "veilsum/secagg/v1/secagg.pb.h"

namespace veilsum::secure_agg {

absl::StatusOr<ActiveSet> ParseActiveSet(const secagg::v1::ActiveSet& wire,
                                         const WireLimits& limits);
secagg::v1::ActiveSet EncodeActiveSet(const ActiveSet& active);

absl::StatusOr<SetupSignature> ParseSetupSignature(const secagg::v1::SetupSignature& wire);
secagg::v1::SetupSignature EncodeSetupSignature(const SetupSignature& signature);

// At most n entries, signers strictly ascending.
absl::StatusOr<Certificate> ParseCertificate(const secagg::v1::Certificate& wire,
                                             const WireLimits& limits);
secagg::v1::Certificate EncodeCertificate(const Certificate& certificate);

}  // namespace veilsum::secure_agg
