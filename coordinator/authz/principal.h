// Who calls, as its verified certificate says, and nothing that a message says (SA-38).
#pragma once

#include <string>

#include "base/pki/certificate.h"

namespace veilsum::coordinator {

struct Principal {
  SpiffeId id;
  Hash32 fingerprint;  // of the leaf
  Hash32 key;          // of its SubjectPublicKeyInfo
  std::string serial;  // hex
  WallTime not_before, not_after;
};

}  // namespace veilsum::coordinator
