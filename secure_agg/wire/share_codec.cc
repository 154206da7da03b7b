#include "secure_agg/wire/share_codec.h"

#include "secure_agg/crypto/share_seal.h"

namespace veilsum::secure_agg {
namespace {

namespace pb = secagg::v1;

// One box for or from `peer`, which must be above the last of `boxes`.
absl::Status AppendBox(std::string_view field, std::uint32_t peer, const std::string& box,
                       const WireLimits& limits, std::vector<ShareBox>& boxes) {
  VEILSUM_ASSIGN_OR_RETURN(const RosterIndex index, ParseIndex(field, peer, limits.roster_size));
  if (!boxes.empty() && index <= boxes.back().peer)
    return InvalidArgument("SA-37: %s is %d, must be above %d", field, peer,
                           boxes.back().peer.value());
  const std::size_t size = limits.slots * 64 + kSealOverhead;
  if (box.size() != size)
    return InvalidArgument("SA-37: box has %d bytes, must have %d", box.size(), size);
  VEILSUM_ASSIGN_OR_RETURN(Bytes bytes, ParseBounded("box", box, size));
  boxes.push_back({index, std::move(bytes)});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ShareUpload> ParseShareUpload(const pb::ShareUpload& wire,
                                             const WireLimits& limits) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("share upload", wire));
  if (static_cast<std::size_t>(wire.boxes_size()) + 1 != limits.roster_size)
    return InvalidArgument("SA-37: boxes has %d entries, must have %d", wire.boxes_size(),
                           limits.roster_size - 1);
  ShareUpload upload;
  for (const pb::ShareBox& box : wire.boxes()) {
    VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("share box", box));
    VEILSUM_RETURN_IF_ERROR(
        AppendBox("recipient", box.recipient(), box.box(), limits, upload.boxes));
  }
  return upload;
}

pb::ShareUpload EncodeShareUpload(const ShareUpload& upload) {
  pb::ShareUpload wire;
  for (const ShareBox& box : upload.boxes) {
    pb::ShareBox* const out = wire.add_boxes();
    out->set_recipient(box.peer.value());
    out->set_box(ToWire(box.box));
  }
  return wire;
}

absl::StatusOr<ShareDelivery> ParseShareDelivery(const pb::ShareDelivery& wire,
                                                 const WireLimits& limits) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("share delivery", wire));
  if (static_cast<std::size_t>(wire.boxes_size()) + 1 > limits.roster_size)
    return InvalidArgument("SA-37: boxes has %d entries, must have at most %d", wire.boxes_size(),
                           limits.roster_size - 1);
  ShareDelivery delivery;
  for (const pb::DeliveredBox& box : wire.boxes()) {
    VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("delivered box", box));
    VEILSUM_RETURN_IF_ERROR(AppendBox("dealer", box.dealer(), box.box(), limits, delivery.boxes));
  }
  return delivery;
}

pb::ShareDelivery EncodeShareDelivery(const ShareDelivery& delivery) {
  pb::ShareDelivery wire;
  for (const ShareBox& box : delivery.boxes) {
    pb::DeliveredBox* const out = wire.add_boxes();
    out->set_dealer(box.peer.value());
    out->set_box(ToWire(box.box));
  }
  return wire;
}

absl::StatusOr<ShareReport> ParseShareReport(const pb::ShareReport& wire,
                                             const WireLimits& limits) {
  VEILSUM_RETURN_IF_ERROR(RefuseUnknownFields("share report", wire));
  VEILSUM_ASSIGN_OR_RETURN(MemberSet held,
                           MemberSet::Parse("held", limits.roster_size, AsBytes(wire.held())));
  return ShareReport{std::move(held)};
}

pb::ShareReport EncodeShareReport(const ShareReport& report) {
  pb::ShareReport wire;
  wire.set_held(ToWire(report.held.bytes()));
  return wire;
}

}  // namespace veilsum::secure_agg
