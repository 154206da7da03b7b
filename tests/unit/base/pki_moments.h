// What the tests of certificates say often.
#pragma once

#include "base/pki/certificate.h"
#include "base/pki/spiffe_id.h"

namespace veilsum {

inline WallTime Now() { return std::chrono::system_clock::now(); }
inline SpiffeId Id(const std::string& uri) { return SpiffeId::Parse(uri).value(); }

}  // namespace veilsum
