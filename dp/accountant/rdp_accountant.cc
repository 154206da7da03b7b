#include "dp/accountant/rdp_accountant.h"

#include <algorithm>

namespace veilsum::dp {

absl::Status RdpAccountant::Compose(const PrivacyEvent& event) {
  VEILSUM_RETURN_IF_ERROR(ValidateEvent(event));
  if (event.count > 0) schedule_.push_back(event);
  return absl::OkStatus();
}

absl::Status RdpAccountant::ComposeSelection(const Selection& selection) {
  VEILSUM_RETURN_IF_ERROR(ValidateSelection(selection));
  selections_.emplace_back(selection);
  return absl::OkStatus();
}

absl::StatusOr<PrivacyLoss> RdpAccountant::LossAt(Delta delta) const {
  if (schedule_.empty() && selections_.empty()) return PrivacyLoss{0, std::nullopt};
  const bool integer = noise_ == Noise::kInteger || NeedsIntegerOrders(schedule_) ||
                       std::ranges::any_of(selections_, &SelectionRdp::needs_integer_orders);
  const EpsilonAndOrder loss = EpsilonOfCurve(
      [&](double order) {
        double rdp = RdpAtOrder(schedule_, order);
        for (const SelectionRdp& selection : selections_) rdp += selection.AtOrder(order);
        return rdp;
      },
      delta.value(), integer ? IntegerOrders() : DefaultOrders(),
      integer ? Refine::kNo : Refine::kBetweenNeighbours);
  return PrivacyLoss{loss.epsilon, loss.order};
}

}  // namespace veilsum::dp
