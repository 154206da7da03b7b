// The encoding against the table and the worked example of the reference figures.
#include "base/fnv1a.h"
#include "client/data/feature_encoder.h"
#include "tests/support/status_matchers.h"

namespace veilsum::client {
namespace {

struct Vector {
  const char* text;
  std::uint64_t hash;
  unsigned mod5, mod32, mod4096, mod16384;
};

TEST(Fnv1a, AgreesWithTheReferenceTable) {
  for (const Vector& v : {Vector{"", 0xcbf29ce484222325, 2, 5, 805, 8997},
                          {"a", 0xaf63dc4c8601ec8c, 1, 12, 3212, 11404},
                          {"foobar", 0x85944171f73967e8, 3, 8, 2024, 10216},
                          {"Month=Feb", 0x71fa13a67ba93c2d, 0, 13, 3117, 15405},
                          {"VisitorType=Returning_Visitor", 0xb06b8d39a2884d03, 4, 3, 3331, 3331},
                          {"workclass=?", 0x4a4854bea6fe0c40, 1, 0, 3136, 3136},
                          {"division=", 0x19b9046abbf32fe1, 2, 1, 4065, 12257},
                          {"text=love", 0xadb5d551ab75d125, 2, 5, 293, 4389},
                          {"text=not flattering", 0x4e4043aa12b18880, 3, 0, 2176, 2176},
                          {"s00000", 0xd0a5b897925458f6, 2, 22, 2294, 6390},
                          {"s00005", 0xd0a5bd9792546175, 2, 21, 373, 8565},
                          {"r00003", 0x41d2031a291dd122, 2, 2, 290, 4386},
                          {"a00000", 0x8f09958d39aa8374, 1, 20, 884, 884}}) {
    const std::uint64_t hash = Fnv1a64(v.text);
    EXPECT_EQ(hash, v.hash) << v.text;
    EXPECT_EQ(hash % 5, v.mod5) << v.text;
    EXPECT_EQ(hash % 32, v.mod32) << v.text;
    EXPECT_EQ(hash % 4096, v.mod4096) << v.text;
    EXPECT_EQ(hash % 16384, v.mod16384) << v.text;
  }
}

model::Feature Numeric(const char* lo, const char* hi, bool log) {
  model::Feature feature;
  feature.lo = *model::Decimal::Parse(lo);
  feature.hi = *model::Decimal::Parse(hi);
  feature.log = log;
  return feature;
}

TEST(EncodeNumeric, AgreesWithTheWorkedExample) {
  EXPECT_NEAR(EncodeNumeric(Numeric("0", "1000", true), 2), -0.681965, 1e-6);  // ProductRelated
  EXPECT_NEAR(EncodeNumeric(Numeric("0", "64800", true), 64), -0.246438,
              1e-6);  // ProductRelated_Duration
  EXPECT_NEAR(EncodeNumeric(Numeric("0", "0.2", true), 0.1), 0.045517, 1e-6);  // ExitRates
}

TEST(EncodeNumeric, ClipsToItsBounds) {
  const model::Feature feature = Numeric("-2", "6", false);
  EXPECT_EQ(EncodeNumeric(feature, -1e300), -1.0f);
  EXPECT_EQ(EncodeNumeric(feature, -2), -1.0f);
  EXPECT_EQ(EncodeNumeric(feature, 2), 0.0f);
  EXPECT_EQ(EncodeNumeric(feature, 6), 1.0f);
  EXPECT_EQ(EncodeNumeric(feature, 1e300), 1.0f);
}

TEST(EncodeNumeric, LogIsOdd) {
  const model::Feature feature = Numeric("-100", "100", true);
  EXPECT_EQ(EncodeNumeric(feature, 0), 0.0f);
  EXPECT_EQ(EncodeNumeric(feature, -7), -EncodeNumeric(feature, 7));
}

TEST(EncodeCategorical, HashesColumnAndValue) {
  model::Feature feature;
  feature.kind = model::FeatureKind::kCategorical;
  feature.table = "browsing";
  feature.column = "Month";
  feature.buckets = 32;
  EXPECT_EQ(EncodeCategorical(feature, "Feb"), 13u);
  feature.column = "division";
  feature.buckets = 4096;
  EXPECT_EQ(EncodeCategorical(feature, ""), 4065u);  // an empty value is hashed as it is
}

TEST(ParseNumber, TakesDecimalsOnly) {
  for (const auto& [text, value] :
       {std::pair{"0", 0.0}, {"-1.5", -1.5}, {"1e3", 1000.0}, {"007", 7.0}, {".5", 0.5}}) {
    ASSERT_OK_AND_ASSIGN(const double number, ParseNumber(text));
    EXPECT_EQ(number, value) << text;
  }
  for (const auto& [text, why] : {std::pair{"", "is empty"},
                                  {"abc", "\"abc\" is not a number"},
                                  {"1 ", "\"1 \" is not a number"},
                                  {" 1", "not a number"},
                                  {"1,5", "not a number"},
                                  {"0x10", "not a number"},
                                  {"NaN", "\"NaN\" is not a finite number"},
                                  {"-inf", "not a finite number"},
                                  {"1e999", "not a finite number"},
                                  {"+1", "not a number"}})
    EXPECT_THAT(ParseNumber(text), StatusIs(absl::StatusCode::kInvalidArgument, why)) << text;
}

TEST(ParseLabel, TakesTheFourWords) {
  for (const char* text : {"1", "true", "TRUE", "True"}) EXPECT_EQ(*ParseLabel({}, text), 1.0f);
  for (const char* text : {"0", "false", "FALSE"}) EXPECT_EQ(*ParseLabel({}, text), 0.0f);
  for (const char* text : {"", "2", "yes", "0.0", "nan", " 1"})
    EXPECT_THAT(ParseLabel({}, text),
                StatusIs(absl::StatusCode::kInvalidArgument, "must be 0, 1, true or false"))
        << text;
}

TEST(ParseLabel, OfAClassIsItsPlace) {
  model::Label label;
  label.kind = model::LabelKind::kClass;
  label.values = {"Dresses", "Pants"};
  EXPECT_EQ(*ParseLabel(label, "Pants"), 1.0f);
  EXPECT_THAT(ParseLabel(label, "pants"),
              StatusIs(absl::StatusCode::kInvalidArgument, "label.values"));
}

TEST(ParseLabel, OfAValueIsScaledByPublicBounds) {
  model::Label label;
  label.kind = model::LabelKind::kValue;
  label.lo = *model::Decimal::Parse("0");
  label.hi = *model::Decimal::Parse("50");
  EXPECT_EQ(*ParseLabel(label, "25"), 0.0f);
  EXPECT_EQ(*ParseLabel(label, "1e9"), 1.0f);
  EXPECT_THAT(ParseLabel(label, "much"),
              StatusIs(absl::StatusCode::kInvalidArgument, "not a number"));
}

TEST(Quote, CutsLongValues) {
  EXPECT_EQ(Quote(std::string(100, 'x')), "\"" + std::string(40, 'x') + "...\"");
}

}  // namespace
}  // namespace veilsum::client
