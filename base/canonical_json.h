// Canonical JSON: the subset of RFC 8785 that Veilsum hashes and signs.
// No floats, no null; integers within +-(2^53 - 1); keys [a-z0-9_]+, sorted, unique; depth <= 16;
// UTF-8 strings. Reals are decimal strings, probabilities {"den":int,"num":int}, bytes base64url,
// hashes lower-case hex.
#pragma once

#include <nlohmann/json.hpp>

#include "base/bytes.h"

namespace veilsum {

using Json = nlohmann::json;  // objects keep their keys sorted

// The canonical bytes. InvalidArgument naming the place when `value` is outside the subset.
absl::StatusOr<std::string> EncodeCanonical(const Json& value);

// Parses and requires that re-encoding gives the same bytes, which kills every parser ambiguity.
absl::StatusOr<Json> ParseCanonical(std::string_view text);

}  // namespace veilsum
