// Sets on the wire: exact lengths, padding bits zero.
#include "secure_agg/roster/member_set.h"

#include "tests/unit/secure_agg/federation.h"

namespace veilsum::secure_agg {
namespace {

TEST(MemberSet, EncodesTheLeastSignificantBitFirst) {
  EXPECT_EQ(SetOf(10, {0, 3, 9}).bytes(), (Bytes{0x09, 0x02}));
  EXPECT_EQ(SetOf(10, {0, 3, 9}).size(), 3u);
  EXPECT_EQ(MemberSet::All(8).bytes(), (Bytes{0xff}));
}

TEST(MemberSet, SA23_RefusesPaddingAndOtherLengths) {
  EXPECT_OK(MemberSet::Parse("held", 10, Bytes{0xff, 0x03}));
  EXPECT_THAT(MemberSet::Parse("held", 10, Bytes{0xff, 0x04}),
              StatusIs(absl::StatusCode::kInvalidArgument, "held"));
  EXPECT_THAT(MemberSet::Parse("held", 10, Bytes{0xff}),
              StatusIs(absl::StatusCode::kInvalidArgument, "held"));
  EXPECT_THAT(MemberSet::Parse("held", 8, Bytes{0xff, 0}),
              StatusIs(absl::StatusCode::kInvalidArgument, "held"));
}

TEST(MemberSet, SubsetsAndDifferences) {
  const MemberSet all = MemberSet::All(5);
  const MemberSet some = SetOf(5, {1, 4});
  EXPECT_TRUE(some.IsSubsetOf(all));
  EXPECT_FALSE(all.IsSubsetOf(some));
  EXPECT_FALSE(some.IsSubsetOf(MemberSet::All(6)));
  EXPECT_EQ(all.Minus(some), SetOf(5, {0, 2, 3}));
}

TEST(MemberSet, HashBindsTheRosterSize) {
  EXPECT_NE(SetOf(9, {1}).SetHash(), SetOf(10, {1}).SetHash());  // the same bytes
}

}  // namespace
}  // namespace veilsum::secure_agg
