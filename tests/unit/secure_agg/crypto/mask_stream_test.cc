// Masks are the EVP keystream of the seed, at any offset, in any ring.
#include "secure_agg/crypto/mask_stream.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <random>

#include "secure_agg/arith/ring.h"

namespace veilsum::secure_agg {
namespace {

Secret<32> SeedOf(std::uint8_t value) {
  ByteArray<32> bytes;
  bytes.fill(value);
  return Secret<32>(std::span<std::uint8_t, 32>(bytes));
}

// Blocks [first, first + size / 16) by the plain block cipher: AES-256-ECB of 0^8 | BE64(i).
Bytes Keystream(std::uint8_t seed, std::uint64_t first, std::size_t size) {
  Bytes counters;
  for (std::uint64_t block = first; counters.size() < size; ++block) {
    counters.insert(counters.end(), 8, 0);
    for (int shift = 56; shift >= 0; shift -= 8)
      counters.push_back(static_cast<std::uint8_t>(block >> shift));
  }
  const Bytes key(32, seed);
  Bytes out(counters.size());
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  int written = 0;
  EXPECT_EQ(EVP_EncryptInit_ex(context, EVP_aes_256_ecb(), nullptr, key.data(), nullptr), 1);
  EVP_CIPHER_CTX_set_padding(context, 0);
  EXPECT_EQ(EVP_EncryptUpdate(context, out.data(), &written, counters.data(),
                              static_cast<int>(counters.size())),
            1);
  EVP_CIPHER_CTX_free(context);
  out.resize(size);
  return out;
}

std::vector<MaskTerm> OneTerm(std::uint8_t seed, MaskSign sign = MaskSign::kAdd) {
  std::vector<MaskTerm> terms;
  terms.push_back({SeedOf(seed), sign});
  return terms;
}

TEST(MaskStream, SA40_IsTheBlockCipherOverCounters) {
  for (const std::size_t size : {4u, 16u, 20u, 16384u, 40000u, 100004u}) {
    Bytes words(size);
    ApplyMasks(RingBits::k32, OneTerm(7), words);
    ASSERT_EQ(words, Keystream(7, 0, size)) << size;
  }
}

TEST(MaskStream, AShardEqualsItsPartOfTheWhole) {
  const Bytes whole = Keystream(9, 0, 4096);
  Bytes shard(1000);
  ApplyMasks(RingBits::k64, OneTerm(9), shard, 100);  // word 100 = byte 800 = block 50
  EXPECT_EQ(shard, Bytes(whole.begin() + 800, whole.begin() + 1800));
}

TEST(MaskStream, CountersAboveThirtyTwoBitsCarry) {
  const std::uint64_t block = (std::uint64_t{1} << 32) - 1;
  Bytes shard(64);
  ApplyMasks(RingBits::k64, OneTerm(9), std::span(shard).first(16), block * 2);
  EXPECT_EQ(Bytes(shard.begin(), shard.begin() + 16), Keystream(9, block, 16));
}

TEST(MaskStream, TermsAddUpAndSignsCancel) {
  for (const RingBits bits : {RingBits::k16, RingBits::k32, RingBits::k64}) {
    std::vector<MaskTerm> terms = OneTerm(1);
    terms.push_back({SeedOf(2), MaskSign::kSubtract});
    Bytes words(50000, 0x33);
    const Bytes before = words;
    ApplyMasks(bits, terms, words);
    Bytes expected = before;
    AddWords(bits, expected, Keystream(1, 0, words.size()));
    SubtractWords(bits, expected, Keystream(2, 0, words.size()));
    ASSERT_EQ(words, expected);
    std::vector<MaskTerm> back = OneTerm(1, MaskSign::kSubtract);
    back.push_back({SeedOf(2), MaskSign::kAdd});
    ApplyMasks(bits, back, words);
    EXPECT_EQ(words, before);
  }
}

class MaskSumConformance : public testing::TestWithParam<const CtrKernels*> {};

// Many terms over several pieces, the whole and in shards from any block, on every path.
TEST_P(MaskSumConformance, EqualsTheBlockCipherAndPlainSumsForEveryRingAndShard) {
  std::mt19937 random(17);
  for (const RingBits bits : {RingBits::k16, RingBits::k32, RingBits::k64}) {
    const std::size_t size = 2 * kMaskPieceBytes + 16 * (random() % 100) + WordBytes(bits);
    Bytes before(size);
    for (std::uint8_t& byte : before) byte = static_cast<std::uint8_t>(random());
    Bytes expected = before;
    std::vector<MaskTerm> terms;
    for (int i = 0; i < 7; ++i) {
      const auto seed = static_cast<std::uint8_t>(random());
      const bool add = random() % 2 == 0;
      terms.push_back({SeedOf(seed), add ? MaskSign::kAdd : MaskSign::kSubtract});
      const Bytes mask = Keystream(seed, 0, size);
      add ? AddWords(bits, expected, mask) : SubtractWords(bits, expected, mask);
    }
    MaskSum masks(bits, terms, *GetParam());
    Bytes whole = before;
    masks.ApplyTo(whole);
    ASSERT_EQ(whole, expected);
    Bytes sharded = before;
    for (std::size_t at = 0; at < size;) {
      const std::size_t bytes = std::min<std::size_t>(size - at, 16 * (1 + random() % 9000));
      masks.ApplyTo(std::span(sharded).subspan(at, bytes), at / WordBytes(bits));
      at += bytes;
    }
    ASSERT_EQ(sharded, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, MaskSumConformance, testing::ValuesIn(AvailableCtrKernels()),
                         [](const auto& param) { return std::string(param.param->name); });

}  // namespace
}  // namespace veilsum::secure_agg
