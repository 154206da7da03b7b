// A repeatable SecureRng for tests. Product targets cannot link it: it lives in the tests layer.
#pragma once

#include "base/crypto/aes256_ctr.h"
#include "base/secure_rng.h"

namespace veilsum {

class SeededRngForTests final : public SecureRng {
 public:
  explicit SeededRngForTests(std::uint64_t seed);
  void Fill(std::span<std::uint8_t> out) override;

 private:
  Aes256Ctr stream_;
};

}  // namespace veilsum
