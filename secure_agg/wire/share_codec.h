// ShareUpload, ShareDelivery and ShareReport on the wire. Errors are InvalidArgument and name the
// field.
#pragma once

#include "secure_agg/messages.h"
#include "secure_agg/wire/fields.h"
#include "veilsum/secagg/v1/secagg.pb.h"

namespace veilsum::secure_agg {

// Exactly n - 1 boxes of 64 B + 16 bytes, recipients strictly ascending.
absl::StatusOr<ShareUpload> ParseShareUpload(const secagg::v1::ShareUpload& wire,
                                             const WireLimits& limits);
secagg::v1::ShareUpload EncodeShareUpload(const ShareUpload& upload);

// At most n - 1 boxes, dealers strictly ascending.
absl::StatusOr<ShareDelivery> ParseShareDelivery(const secagg::v1::ShareDelivery& wire,
                                                 const WireLimits& limits);
secagg::v1::ShareDelivery EncodeShareDelivery(const ShareDelivery& delivery);

absl::StatusOr<ShareReport> ParseShareReport(const secagg::v1::ShareReport& wire,
                                             const WireLimits& limits);
secagg::v1::ShareReport EncodeShareReport(const ShareReport& report);

}  // namespace veilsum::secure_agg
