// Upload frames off the wire: what the serialiser writes is read, in whatever pieces it comes, and
// nothing else.
#include "secure_agg/wire/upload_frame.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "tests/support/status_matchers.h"
#include "veilsum/secagg/v1/secagg.pb.h"

namespace veilsum::secure_agg {
namespace {

using absl::StatusCode;

struct Read {
  std::uint64_t round = 0;
  std::string words;
};

// `wire` in pieces of so many bytes, as it may come from a network.
absl::StatusOr<Read> ReadFrame(std::string_view wire, int piece = 1000) {
  google::protobuf::io::ArrayInputStream stream(wire.data(), static_cast<int>(wire.size()), piece);
  UploadFrameReader frame(&stream);
  VEILSUM_RETURN_IF_ERROR(frame.ReadHead());
  if (frame.size() > 1000) return ResourceExhausted("too long to be read");
  Bytes words(frame.size());
  VEILSUM_RETURN_IF_ERROR(frame.ReadWords(words));
  return Read{frame.round(), std::string(AsText(words))};
}

TEST(UploadFrame, ReadsWhatTheSerialiserWrites) {
  for (const std::uint64_t round : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}})
    for (const std::size_t size : {0, 1, 127, 128, 900}) {
      secagg::v1::UploadFrame frame;
      frame.set_round(round);
      for (std::size_t i = 0; i < size; ++i)
        frame.mutable_words()->push_back(static_cast<char>(i * 5));
      for (const int piece : {1, 2, 7, 1000}) {
        ASSERT_OK_AND_ASSIGN(const Read read, ReadFrame(frame.SerializeAsString(), piece));
        EXPECT_EQ(read.round, round);
        EXPECT_EQ(read.words, frame.words());
      }
    }
}

TEST(UploadFrame, RefusesEverythingElse) {  // SA-37
  using namespace std::string_literals;
  for (const std::string& wire :
       {"\x08"s,
        "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"s,  // no round, one of too many bytes
        "\x12"s,
        "\x12\x04"
        "abc"s,
        "\x12\x02"
        "abc"s,  // words cut off, words with a rest
        "\x12\x01"
        "a\x08\x01"s,
        "\x08\x01\x08\x01"s,
        "\x12\x01"
        "a\x12\x01"
        "b"s,  // the other way round, twice
        "\x18\x01"s, "\x08\x01\x1a\x01x"s, "\x0a\x01x"s, "\x00"s, "\xff\xff\xff\xff\xff\xff"s}) {
    for (const int piece : {1, 1000})
      EXPECT_THAT(ReadFrame(wire, piece).status(), StatusIs(StatusCode::kInvalidArgument, "SA-37"))
          << HexEncode(AsBytes(wire));
  }
  // The length is only a claim until the caller has bounded it.
  EXPECT_THAT(ReadFrame("\x12\xff\xff\xff\xff\x0f"s).status(),
              StatusIs(StatusCode::kResourceExhausted, "too long"));
}

}  // namespace
}  // namespace veilsum::secure_agg
