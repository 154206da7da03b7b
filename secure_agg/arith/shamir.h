// Shamir's t-of-n sharing, each byte by itself over GF(2^8) (Shamir, How to share a secret, CACM
// 1979). Holder i has the point 1 + i; the coefficients above the constant are uniform, zero
// included; degree t - 1.
#pragma once

#include "base/bytes.h"
#include "base/secure_rng.h"
#include "base/strong_type.h"
#include "secure_agg/crypto/locked_bytes.h"

namespace veilsum::secure_agg {

// Shares of `secret` for holders 0..n-1: holder i's are bytes [i * size, (i + 1) * size). 1 <= t <=
// n <= 255.
LockedBytes DealShares(std::span<const std::uint8_t> secret, std::size_t t, std::size_t n,
                       SecureRng& rng);

// Lagrange coefficients at zero for one set of responders: computed once, used for every secret
// they hold shares of.
class Interpolation {
 public:
  // InvalidArgument: none, or indices not strictly ascending below 255 (SA-35).
  static absl::StatusOr<Interpolation> Create(std::span<const RosterIndex> responders);
  std::size_t size() const { return coefficients_.size(); }
  // The secret, from one share of 32 bytes per responder, in the order of Create.
  Secret<32> Combine(std::span<const ByteArray<32>* const> shares) const;

 private:
  explicit Interpolation(Bytes coefficients) : coefficients_(std::move(coefficients)) {}
  Bytes coefficients_;
};

}  // namespace veilsum::secure_agg
