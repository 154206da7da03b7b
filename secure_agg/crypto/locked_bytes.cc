#include "secure_agg/crypto/locked_bytes.h"

#include <sodium.h>

#include "base/status.h"

namespace veilsum::secure_agg {

// sodium_malloc locks the pages where the process's limit permits, marks them "not dumped" and puts
// guard pages around.
LockedBytes::LockedBytes(std::size_t size)
    : bytes_(static_cast<std::uint8_t*>(sodium_malloc(size == 0 ? 1 : size))), size_(size) {
  VEILSUM_CHECK(bytes_ != nullptr);  // also when InitialiseCrypto was not called
  sodium_memzero(bytes_.get(), size_);
}

void LockedBytes::Release::operator()(std::uint8_t* bytes) const {
  sodium_free(bytes);
}  // wipes first

}  // namespace veilsum::secure_agg
