// A corruption of a wire message and the complaint it must cause.
#pragma once

#include "secure_agg/wire/fields.h"
#include "tests/support/status_matchers.h"
#include "veilsum/secagg/v1/secagg.pb.h"

namespace veilsum::secure_agg {

namespace pb = secagg::v1;

inline constexpr WireLimits kLimits{10, 2};        // n = 10, B = 2
inline const std::string kSet = {'\xff', '\x03'};  // all ten
inline const std::string kPadded = {'\xff', '\x07'};

template <class Wire>
struct Corruption {
  const char* name;
  void (*apply)(Wire&);
  const char* complaint;
};

// Adds a field that the schema does not have (number 1000, varint).
template <class Wire>
void AddUnknownField(Wire& wire) {
  wire.GetReflection()->MutableUnknownFields(&wire)->AddVarint(1000, 1);
}

// The good message parses and encodes back to itself; each corruption is refused, naming the field.
template <class Wire, class Parse, class Encode>
void CheckCodec(const Wire& good, Parse parse, Encode encode,
                const std::vector<Corruption<Wire>>& corruptions) {
  const auto parsed = parse(good);
  ASSERT_OK(parsed);
  EXPECT_EQ(encode(*parsed).SerializeAsString(), good.SerializeAsString());
  for (const Corruption<Wire>& corruption : corruptions) {
    Wire wire = good;
    corruption.apply(wire);
    EXPECT_THAT(parse(wire), StatusIs(absl::StatusCode::kInvalidArgument, corruption.complaint))
        << corruption.name;
  }
  Wire unknown = good;
  AddUnknownField(unknown);
  EXPECT_THAT(parse(unknown), StatusIs(absl::StatusCode::kInvalidArgument, "SA-37"))
      << "unknown field";
}

}  // namespace veilsum::secure_agg
