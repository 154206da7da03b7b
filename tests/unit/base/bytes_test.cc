#include "base/bytes.h"

#include "base/fnv1a.h"
#include "tests/support/status_matchers.h"

namespace veilsum {
namespace {

TEST(Bytes, HexAndBase64GoBothWays) {
  const Bytes bytes = {0x00, 0xff, 0x10, 0xfe};
  EXPECT_EQ(HexEncode(bytes), "00ff10fe");
  ASSERT_OK_AND_ASSIGN(const Bytes back, HexDecode("00ff10fe"));
  EXPECT_EQ(back, bytes);
  ASSERT_OK_AND_ASSIGN(const Bytes again, Base64UrlDecode(Base64UrlEncode(bytes)));
  EXPECT_EQ(again, bytes);
  EXPECT_THAT(HexDecode("0"), StatusIs(absl::StatusCode::kInvalidArgument, "even"));
  EXPECT_THAT(HexDecode("0G"), StatusIs(absl::StatusCode::kInvalidArgument, "0-9a-f"));
}

TEST(Bytes, ATranscriptIsLittleEndianAfterItsLabel) {
  EXPECT_EQ(HexEncode(Transcript("a").AddU16(1).AddU32(2).AddU64(3).bytes()),
            "6100"
            "0100"
            "02000000"
            "0300000000000000");
}

TEST(Fnv1a, MatchesThePublishedVectors) {
  static_assert(Fnv1a64("") == 0xcbf29ce484222325ULL);
  static_assert(Fnv1a64("a") == 0xaf63dc4c8601ec8cULL);
  static_assert(Fnv1a64("foobar") == 0x85944171f73967e8ULL);
}

}  // namespace
}  // namespace veilsum
