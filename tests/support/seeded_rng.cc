#include "tests/support/seeded_rng.h"

#include "base/crypto/sha256.h"

namespace veilsum {
namespace {

Secret<32> KeyOf(std::uint64_t seed) {
  Hash32 key = Transcript("veilsum/tests/seed").AddU64(seed).Sha256();
  return Secret<32>(std::span<std::uint8_t, 32>(key));
}

}  // namespace

SeededRngForTests::SeededRngForTests(std::uint64_t seed) : stream_(KeyOf(seed)) {}
void SeededRngForTests::Fill(std::span<std::uint8_t> out) { stream_.Generate(out); }

}  // namespace veilsum
