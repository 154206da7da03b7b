// Known answers of the primitives, so that a change of library cannot pass unseen.
#include "base/crypto/aes256_ctr.h"
#include "base/crypto/ed25519.h"
#include "base/crypto/hkdf.h"
#include "base/crypto/sha256.h"
#include "base/secure_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum {
namespace {

Secret<32> SecretOf(std::string_view hex) {
  Bytes bytes = *HexDecode(hex);
  return Secret<32>(std::span<std::uint8_t, 32>(bytes.data(), 32));
}

TEST(Sha256, OfNothing) {
  EXPECT_EQ(HexEncode(Sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Hkdf, Rfc5869CaseOne) {
  const Bytes ikm(22, 0x0b);
  const Bytes salt = *HexDecode("000102030405060708090a0b0c");
  const Bytes info = *HexDecode("f0f1f2f3f4f5f6f7f8f9");
  const Secret<32> key = Hkdf(ikm, salt, info);
  EXPECT_EQ(HexEncode(key.Expose()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

TEST(Hkdf, Rfc5869CaseThreeHasNeitherSaltNorInfo) {
  const Bytes ikm(22, 0x0b);
  const std::string expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d";
  EXPECT_EQ(HexEncode(Hkdf(ikm, {}, {}).Expose()), expected);
  EXPECT_EQ(HexEncode(Hkdf(ikm, Bytes(32), {}).Expose()), expected);
}

// FIPS 197 appendix C.3's key; block 0 of the counter stream is the encryption of sixteen zero
// bytes.
TEST(Aes256Ctr, SeekingGivesTheSameBytesAsStreaming) {
  const Secret<32> key =
      SecretOf("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  Aes256Ctr stream(key);
  ByteArray<64> whole;
  stream.Generate(whole);
  EXPECT_EQ(HexEncode(std::span(whole).first(16)), "f29000b62a499fd0a9f39a6add2e7780");
  ByteArray<16> third;
  stream.Seek(2);
  stream.Generate(third);
  EXPECT_EQ(HexEncode(third), HexEncode(std::span(whole).subspan(32, 16)));
}

TEST(Ed25519, Rfc8032TestTwo) {
  const Ed25519Signer signer(
      SecretOf("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  EXPECT_EQ(HexEncode(signer.public_key()),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const Bytes message = {0x72};
  const Ed25519Signature signature = signer.Sign(message);
  EXPECT_EQ(HexEncode(signature).substr(0, 16), "92a009a9f0d4cab8");
  EXPECT_TRUE(Ed25519Verify(signer.public_key(), message, signature));
  EXPECT_FALSE(Ed25519Verify(signer.public_key(), Bytes{0x73}, signature));
}

TEST(SystemRng, DoesNotRepeat) {
  InitialiseCrypto();
  SystemRng rng;
  EXPECT_FALSE(rng.NewSecret<32>().Equals(rng.NewSecret<32>()));
}

}  // namespace
}  // namespace veilsum
