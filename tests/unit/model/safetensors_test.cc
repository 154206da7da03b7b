#include "model/safetensors.h"

#include <limits>

#include "model/init.h"
#include "tests/support/status_matchers.h"

namespace veilsum::model {
namespace {

// A file of this header and this many zero bytes.
Bytes File(std::string_view header, std::size_t data, std::uint64_t claimed) {
  Bytes out(8);
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(claimed >> (8 * i));
  out.insert(out.end(), header.begin(), header.end());
  out.resize(out.size() + data);
  return out;
}
Bytes File(std::string_view header, std::size_t data) { return File(header, data, header.size()); }

TEST(Safetensors, RoundTrip) {
  const Layout layout = Layout::Mlp(2, 3, {4}, true);
  const ModelVector model = InitialModel(layout, 3);
  const Bytes file = WriteSafetensors(layout, model, {{"run_id", "run-1"}});
  EXPECT_EQ(file[0] % 8, 0);  // the numbers start at a multiple of eight
  ASSERT_OK_AND_ASSIGN(const Safetensors read, ReadSafetensors(file));
  EXPECT_EQ(read.values, model);
  EXPECT_EQ(read.metadata.at("run_id"), "run-1");
  ASSERT_EQ(read.tensors.size(), layout.tensors().size());
  EXPECT_EQ(read.tensors[2].name, "layers.0.weight");
  EXPECT_EQ(read.tensors[2].shape, (std::vector<std::size_t>{5, 4}));
  ASSERT_OK_AND_ASSIGN(const ModelVector again, ReadModel(file, layout));
  EXPECT_EQ(again, model);
}

TEST(Safetensors, AreNotReadIntoAnotherLayout) {
  const Layout layout = Layout::Mlp(2, 3, {4}, true);
  const Bytes file = WriteSafetensors(layout, InitialModel(layout, 3), {});
  EXPECT_THAT(ReadModel(file, Layout::Mlp(2, 3, {4}, false)),
              StatusIs(absl::StatusCode::kInvalidArgument, "6 tensors, the layout has 4"));
  EXPECT_THAT(ReadModel(file, Layout::Mlp(2, 3, {5}, true)),
              StatusIs(absl::StatusCode::kInvalidArgument, "another shape"));
}

struct Hostile {
  const char* name;
  Bytes file;
  const char* complaint;
};
class SafetensorsRefuse : public testing::TestWithParam<Hostile> {};

TEST_P(SafetensorsRefuse, WithAReason) {
  EXPECT_THAT(ReadSafetensors(GetParam().file),
              StatusIs(absl::StatusCode::kInvalidArgument, GetParam().complaint));
}

const std::string kOne = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

std::string ManyTensors(std::size_t count) {
  std::string out = "{";
  for (std::size_t i = 0; i < count; ++i)
    out += absl::StrFormat("%s\"t%d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}",
                           i == 0 ? "" : ",", i);
  return out + "}";
}

Bytes WithNan() {
  Bytes file = File(kOne, 8);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&nan), 4, file.end() - 4);
  return file;
}

INSTANTIATE_TEST_SUITE_P(
    Files, SafetensorsRefuse,
    testing::Values(
        Hostile{"Empty", {}, "too short"},
        Hostile{"HeaderOfTerabytes", File("{}", 0, std::uint64_t{1} << 40),
                "at most 1048576 are accepted"},
        Hostile{"HeaderLengthWraps", File("{}", 0, ~std::uint64_t{0}),
                "at most 1048576 are accepted"},
        Hostile{"HeaderLongerThanFile", File("{}", 0, 3), "longer than the file"},
        Hostile{"NotJson", File("{", 0), "not a JSON object"},
        Hostile{"List", File("[]", 0), "not a JSON object"},
        Hostile{"Deep", File("{\"a\":" + std::string(500, '[') + std::string(500, ']') + "}", 0),
                "not a JSON object of tensors"},
        Hostile{
            "NameTwice",
            File(
                R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                8),
            "there twice"},
        Hostile{"KeyTwice",
                File(R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8),
                "there twice"},
        Hostile{"TooManyTensors", File(ManyTensors(4098), 0), "at most 4096 are accepted"},
        Hostile{"OtherType", File(R"({"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", 8),
                "dtype must be F32"},
        Hostile{"ExtraKey",
                File(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", 8),
                "must have dtype"},
        Hostile{"NegativeShape",
                File(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8), "bad shape"},
        Hostile{"FractionalShape",
                File(R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8),
                "bad shape"},
        Hostile{
            "ShapeOverflows",
            File(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})",
                 0),
            "does not fit"},
        Hostile{
            "BytesOverflow",
            File(R"({"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}})", 0),
            "does not fit"},
        Hostile{"ShapeAndRangeDiffer",
                File(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8),
                "does not fit"},
        Hostile{"RangeBackwards",
                File(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8),
                "bad data_offsets"},
        Hostile{"RangeOutside",
                File(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 8),
                "bad data_offsets"},
        Hostile{
            "Overlap",
            File(
                R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
                8),
            "overlaps another or leaves a gap"},
        Hostile{"Gap", File(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8),
                "overlaps another or leaves a gap"},
        Hostile{"TrailingBytes", File(kOne, 12), "the file has 12 for them"},
        Hostile{"Metadata", File(R"({"__metadata__":{"a":1}})", 0), "must be a text"},
        Hostile{"NotFinite", WithNan(), "not finite"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Safetensors, EveryTruncationIsRefused) {
  const Layout layout = Layout::Mlp(1, 2, {}, false);
  const Bytes file = WriteSafetensors(layout, InitialModel(layout, 1), {});
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_FALSE(ReadSafetensors(ByteView(file).first(size)).ok()) << size;
}

TEST(Safetensors, SurviveEveryChangedByteOfTheHeader) {
  const Layout layout = Layout::Mlp(1, 2, {}, false);
  const Bytes file = WriteSafetensors(layout, InitialModel(layout, 1), {});
  for (std::size_t i = 0; i + 16 < file.size(); ++i)
    for (const int value : {0x00, 0x01, 0x22, 0x39, 0x7d, 0xff}) {
      Bytes changed = file;
      changed[i] = static_cast<std::uint8_t>(value);
      const absl::StatusOr<ModelVector> read = ReadModel(changed, layout);
      if (!read.ok()) continue;
      EXPECT_EQ(read->size(), layout.size());
    }
}

}  // namespace
}  // namespace veilsum::model
