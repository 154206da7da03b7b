#include "client/train/cpu/seats.h"

#include <algorithm>

namespace veilsum::client::cpu {

absl::Status Seats::Assign(std::span<const std::uint32_t> customers,
                           std::span<const std::uint32_t> slots, std::uint32_t padded) {
  if (customers.size() > padded)
    return InvalidArgument("DP-06: more customers than padded_customers = %d", padded);
  if (!slots.empty() && slots.size() != customers.size())
    return InvalidArgument("customers and slots differ in number");
  std::ranges::fill(seen_, 0);
  customers_.assign(padded, kNobody);
  for (std::size_t i = 0; i < customers.size(); ++i) {
    const std::uint32_t u = customers[i];
    if (u >= seen_.size()) return InvalidArgument("a customer index is out of range");
    if (seen_[u]++ != 0) return InvalidArgument("DP-02: a customer is in the sum twice");
    const std::size_t slot = slots.empty() ? i : slots[i];
    if (slot >= padded || customers_[slot] != kNobody)
      return InvalidArgument("DP-02: slots must be different and below padded_customers = %d",
                             padded);
    customers_[slot] = u;
  }
  return absl::OkStatus();
}

}  // namespace veilsum::client::cpu
