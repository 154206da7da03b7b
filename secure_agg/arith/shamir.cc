#include "secure_agg/arith/shamir.h"

#include "secure_agg/arith/gf256.h"

namespace veilsum::secure_agg {
namespace {

std::uint8_t PointOf(RosterIndex holder) { return static_cast<std::uint8_t>(holder.value() + 1); }

}  // namespace

LockedBytes DealShares(std::span<const std::uint8_t> secret, std::size_t t, std::size_t n,
                       SecureRng& rng) {
  VEILSUM_CHECK(1 <= t && t <= n && n <= 255);
  const std::size_t size = secret.size();
  LockedBytes coefficients((t - 1) * size);
  rng.Fill(coefficients.bytes());
  LockedBytes shares(n * size);
  for (std::size_t holder = 0; holder < n; ++holder) {
    const std::uint8_t x = PointOf(RosterIndex(static_cast<std::uint16_t>(holder)));
    const std::span<std::uint8_t> share = shares.bytes().subspan(holder * size, size);
    for (std::size_t j = t - 1; j > 0; --j) {
      GfMultiplyAdd(share, x, coefficients.bytes().subspan((j - 1) * size, size));
    }
    GfMultiplyAdd(share, x, secret);
  }
  return shares;
}

absl::StatusOr<Interpolation> Interpolation::Create(std::span<const RosterIndex> responders) {
  if (responders.empty()) return InvalidArgument("SA-35: no responders");
  for (std::size_t i = 0; i < responders.size(); ++i) {
    if (responders[i].value() >= 255 || (i > 0 && responders[i] <= responders[i - 1]))
      return InvalidArgument("SA-35: responder %d is out of order or above 254",
                             responders[i].value());
  }
  // lambda_i = product over j != i of x_j / (x_j - x_i); subtraction is XOR. The numerators are the
  // product of all points over x_i. Points are public.
  std::uint8_t all = 1;
  for (const RosterIndex j : responders) all = GfMultiply(all, PointOf(j));
  Bytes coefficients;
  for (const RosterIndex i : responders) {
    std::uint8_t denominator = PointOf(i);
    for (const RosterIndex j : responders) {
      if (i != j) denominator = GfMultiply(denominator, PointOf(j) ^ PointOf(i));
    }
    coefficients.push_back(GfMultiply(all, GfInverse(denominator)));
  }
  return Interpolation(std::move(coefficients));
}

Secret<32> Interpolation::Combine(std::span<const ByteArray<32>* const> shares) const {
  VEILSUM_CHECK(shares.size() == coefficients_.size());
  ByteArray<32> secret{};
  for (std::size_t i = 0; i < shares.size(); ++i) GfAddScaled(secret, coefficients_[i], *shares[i]);
  return Secret<32>(std::span<std::uint8_t, 32>(secret));
}

}  // namespace veilsum::secure_agg
