// Shamir's sharing: any t shares rebuild, t - 1 say nothing.
#include "secure_agg/arith/shamir.h"

#include <bit>
#include <set>

#include "secure_agg/arith/gf256.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::secure_agg {
namespace {

[[maybe_unused]] const bool kReady = (InitialiseCrypto(), true);

std::vector<ByteArray<32>> SharesOf(const LockedBytes& dealt) {
  std::vector<ByteArray<32>> shares(dealt.bytes().size() / 32);
  for (std::size_t i = 0; i < shares.size(); ++i)
    std::copy_n(dealt.bytes().begin() + 32 * i, 32, shares[i].begin());
  return shares;
}

Bytes Rebuild(const std::vector<ByteArray<32>>& shares,
              const std::vector<RosterIndex>& responders) {
  std::vector<const ByteArray<32>*> chosen;
  for (const RosterIndex i : responders) chosen.push_back(&shares[i.value()]);
  const Secret<32> secret = Interpolation::Create(responders).value().Combine(chosen);
  return Bytes(secret.Expose().begin(), secret.Expose().end());
}

TEST(Shamir, EverySubsetOfAtLeastTSharesRebuildsTheSecret) {
  SeededRngForTests rng(4);
  for (std::size_t n = 1; n <= 7; ++n) {
    for (std::size_t t = 1; t <= n; ++t) {
      const Bytes secret(32, static_cast<std::uint8_t>(17 * n + t));
      const std::vector<ByteArray<32>> shares = SharesOf(DealShares(secret, t, n, rng));
      for (unsigned subset = 0; subset < 1u << n; ++subset) {
        if (std::popcount(subset) < static_cast<int>(t)) continue;
        std::vector<RosterIndex> responders;
        for (std::size_t i = 0; i < n; ++i) {
          if (subset >> i & 1) responders.push_back(RosterIndex(static_cast<std::uint16_t>(i)));
        }
        ASSERT_EQ(Rebuild(shares, responders), secret);
      }
    }
  }
}

// For every value that the secret byte could have there is exactly one value of the missing share:
// all are consistent.
TEST(Shamir, OneShareShortIsConsistentWithEverySecret) {
  SeededRngForTests rng(5);
  const std::vector<ByteArray<32>> shares = SharesOf(DealShares(Bytes(32, 0x42), 3, 5, rng));
  std::set<std::uint8_t> secrets;
  for (unsigned guess = 0; guess < 256; ++guess) {
    std::vector<ByteArray<32>> completed = shares;
    completed[4][0] = static_cast<std::uint8_t>(guess);
    secrets.insert(Rebuild(completed, {RosterIndex(0), RosterIndex(2), RosterIndex(4)})[0]);
  }
  EXPECT_EQ(secrets.size(), 256u);
}

TEST(Shamir, WorksAtTheLargestRoster) {
  SeededRngForTests rng(6);
  Bytes secret(32);
  rng.Fill(secret);
  const std::vector<ByteArray<32>> shares = SharesOf(DealShares(secret, 154, 255, rng));
  std::vector<RosterIndex> responders;
  for (std::uint16_t i = 101; i < 255; ++i) responders.emplace_back(i);
  EXPECT_EQ(Rebuild(shares, responders), secret);
}

TEST(Shamir, SA35_RespondersMustBeDistinctAndAscending) {
  EXPECT_FALSE(Interpolation::Create({}).ok());
  EXPECT_FALSE(Interpolation::Create(std::vector{RosterIndex(1), RosterIndex(1)}).ok());
  EXPECT_FALSE(Interpolation::Create(std::vector{RosterIndex(2), RosterIndex(1)}).ok());
  EXPECT_FALSE(Interpolation::Create(std::vector{RosterIndex(255)}).ok());  // its point would be 0
}

}  // namespace
}  // namespace veilsum::secure_agg
