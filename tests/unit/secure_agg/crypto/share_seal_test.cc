// Boxes open under their own key and context only.
#include "secure_agg/crypto/share_seal.h"

#include <gtest/gtest.h>

namespace veilsum::secure_agg {
namespace {

Secret<32> KeyOf(std::uint8_t value) {
  ByteArray<32> bytes;
  bytes.fill(value);
  return Secret<32>(std::span<std::uint8_t, 32>(bytes));
}
const Bytes kContext = {1, 2, 3};
const Bytes kShares(128, 0x5a);

TEST(ShareSeal, SA10_OpensWhatWasSealed) {
  const Bytes box = SealShares(KeyOf(1), kShares, kContext);
  EXPECT_EQ(box.size(), kShares.size() + kSealOverhead);
  Bytes opened(kShares.size());
  EXPECT_TRUE(OpenShares(KeyOf(1), box, kContext, opened));
  EXPECT_EQ(opened, kShares);
}

TEST(ShareSeal, SA10_RefusesAnotherKeyContextLengthOrByteAndLeavesZeros) {
  const Bytes box = SealShares(KeyOf(1), kShares, kContext);
  const auto refused = [](const Secret<32>& key, const Bytes& sealed, const Bytes& context,
                          std::size_t size) {
    Bytes opened(size, 0xff);
    return !OpenShares(key, sealed, context, opened) && opened == Bytes(size, 0);
  };
  EXPECT_TRUE(refused(KeyOf(2), box, kContext, 128));
  EXPECT_TRUE(refused(KeyOf(1), box, {1, 2, 4}, 128));
  EXPECT_TRUE(refused(KeyOf(1), box, kContext, 64));
  EXPECT_TRUE(refused(KeyOf(1), Bytes(box.begin(), box.end() - 1), kContext, 128));
  for (const std::size_t at : {std::size_t{0}, std::size_t{64}, box.size() - 1}) {
    Bytes changed = box;
    changed[at] ^= 1;
    EXPECT_TRUE(refused(KeyOf(1), changed, kContext, 128)) << at;
  }
}

}  // namespace
}  // namespace veilsum::secure_agg
