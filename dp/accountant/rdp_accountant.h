// Renyi accountant: adds RDP order by order and converts the sum (dp/analysis/rdp.h has the
// mathematics and its sources).
#pragma once

#include "dp/accountant/accountant.h"
#include "dp/analysis/rdp.h"

namespace veilsum::dp {

class RdpAccountant final : public Accountant {
 public:
  // kContinuous: fractional orders, refined between neighbours. kInteger: discrete Gaussian noise
  // of an integer sum, whose RDP at integer orders is the Gaussian's exactly; fractional orders are
  // unproved there and are not used.
  enum class Noise { kContinuous, kInteger };
  explicit RdpAccountant(Noise noise = Noise::kContinuous) : noise_(noise) {}

  std::string_view name() const override { return "rdp"; }
  absl::Status Compose(const PrivacyEvent& event) override;
  absl::Status ComposeSelection(const Selection& selection) override;
  absl::StatusOr<PrivacyLoss> LossAt(Delta delta) const override;

 private:
  Noise noise_;
  PrivacySchedule schedule_;
  std::vector<SelectionRdp> selections_;
};

}  // namespace veilsum::dp
