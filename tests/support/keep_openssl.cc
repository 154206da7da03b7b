// gRPC has threads that live until the process ends. OpenSSL's own clean-up at exit would take away
// the only pointers to what it keeps for each of them (its random generators), which a leak checker
// then reports, rightly and to no use. Linked into a test program, this leaves all of it in place.
#include <openssl/crypto.h>

#include "base/status.h"

namespace veilsum {
namespace {

const bool kKept = [] {
  VEILSUM_CHECK(OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr) == 1);
  return true;
}();

}  // namespace
}  // namespace veilsum
