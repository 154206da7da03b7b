// Who is computed where in one call: customers in slots, and nobody in the slots that pad them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/status.h"

namespace veilsum::client::cpu {

class Seats {
 public:
  explicit Seats(std::size_t known) : seen_(known) {}  // customers of the examples

  // customers[i] sits in slots[i], or, without slots, in slot i. InvalidArgument: more than
  // `padded` (DP-06), a customer twice or unknown, a slot twice or not below `padded` (DP-02); the
  // number of customers is secret, and no message holds it.
  absl::Status Assign(std::span<const std::uint32_t> customers,
                      std::span<const std::uint32_t> slots, std::uint32_t padded);
  std::size_t size() const { return customers_.size(); }  // padded
  // None: nobody, also in a slot that there is not.
  std::optional<std::uint32_t> At(std::size_t slot) const {
    if (slot >= customers_.size() || customers_[slot] == kNobody) return std::nullopt;
    return customers_[slot];
  }

 private:
  static constexpr std::uint32_t kNobody = ~std::uint32_t{0};
  std::vector<std::uint8_t> seen_;
  std::vector<std::uint32_t> customers_;
};

}  // namespace veilsum::client::cpu
