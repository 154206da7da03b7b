#include "base/crypto/sha256.h"

#include <openssl/sha.h>

namespace veilsum {

Hash32 Sha256(ByteView bytes) {
  Hash32 out;
  SHA256(bytes.data(), bytes.size(), out.data());
  return out;
}

}  // namespace veilsum
