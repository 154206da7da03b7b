// X25519 against RFC 7748, and what is refused.
#include "secure_agg/crypto/key_agreement.h"

#include "tests/support/status_matchers.h"

namespace veilsum::secure_agg {
namespace {

ByteArray<32> FromHex(std::string_view hex) {
  return ParseFixed<32>("vector", *HexDecode(hex)).value();
}

// RFC 7748, section 6.1.
constexpr char kAlicePrivate[] = "77076d0a7318a57d3c16c17251b26645df4c2f92ebc099c2a9177a51ac2f0aa2";

TEST(X25519, AgreesWithRfc7748Section52) {
  // Section 5.2, the first and the second vector: scalar, u-coordinate, result.
  const auto first =
      X25519Agree(FromHex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
                  FromHex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"));
  ASSERT_OK(first);
  EXPECT_EQ(HexEncode(first->Expose()),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  // The u-coordinate of the second has its top bit set, which X25519 ignores.
  const auto second =
      X25519Agree(FromHex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
                  FromHex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"));
  ASSERT_OK(second);
  EXPECT_EQ(HexEncode(second->Expose()),
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

TEST(X25519, BothSidesAgree) {
  const auto a = FromHex(kAlicePrivate);
  ByteArray<32> b = a;
  b[3] ^= 0x55;
  const auto ab = X25519Agree(a, X25519Public(b));
  const auto ba = X25519Agree(b, X25519Public(a));
  ASSERT_OK(ab);
  ASSERT_OK(ba);
  EXPECT_TRUE(ab->Equals(*ba));
}

// SA-09: points of small order, from RFC 7748 section 6.1's remark and the published lists.
TEST(X25519, SA09_SmallOrderPointsAreRefused) {
  for (const char* point : {"0000000000000000000000000000000000000000000000000000000000000000",
                            "0100000000000000000000000000000000000000000000000000000000000000",
                            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    EXPECT_THAT(X25519Agree(FromHex(kAlicePrivate), FromHex(point)),
                StatusIs(absl::StatusCode::kInvalidArgument, "SA-09"));
  }
}

TEST(X25519, SA06_OnlyEncodingsBelowThePrimeAreCanonical) {
  EXPECT_TRUE(IsCanonicalX25519(X25519Public(FromHex(kAlicePrivate))));
  EXPECT_TRUE(IsCanonicalX25519(
      FromHex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")));
  EXPECT_FALSE(IsCanonicalX25519(
      FromHex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")));
  EXPECT_FALSE(IsCanonicalX25519(
      FromHex("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")));
  EXPECT_FALSE(IsCanonicalX25519(
      FromHex("0900000000000000000000000000000000000000000000000000000000000080")));
}

}  // namespace
}  // namespace veilsum::secure_agg
