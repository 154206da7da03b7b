#include "dp/accountant/rdp_accountant.h"

namespace veilsum::dp {

absl::Status RdpAccountant::Compose(const PrivacyEvent& event) {
  VEILSUM_RETURN_IF_ERROR(ValidateEvent(event));
  if (event.count > 0) schedule_.push_back(event);
  return absl::OkStatus();
}

absl::StatusOr<PrivacyLoss> RdpAccountant::LossAt(Delta delta) const {
  if (schedule_.empty()) return PrivacyLoss{0, std::nullopt};
  const bool integer = noise_ == Noise::kInteger || NeedsIntegerOrders(schedule_);
  const EpsilonAndOrder loss =
      EpsilonOfSchedule(schedule_, delta.value(), integer ? IntegerOrders() : DefaultOrders(),
                        integer ? Refine::kNo : Refine::kBetweenNeighbours);
  return PrivacyLoss{loss.epsilon, loss.order};
}

}  // namespace veilsum::dp
