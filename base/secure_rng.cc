#include "base/secure_rng.h"

#include <sodium.h>

#include "base/status.h"

namespace veilsum {

void SystemRng::Fill(std::span<std::uint8_t> out) { randombytes_buf(out.data(), out.size()); }

void InitialiseCrypto() { VEILSUM_CHECK(sodium_init() >= 0); }

}  // namespace veilsum
