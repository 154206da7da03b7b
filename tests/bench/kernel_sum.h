// The bare kernels of a round, timed over memory that is already there: the denominators of the
// secure sum's ratios.
#pragma once

#include "base/secure_rng.h"
#include "secure_agg/crypto/key_agreement.h"
#include "secure_agg/crypto/mask_stream.h"
#include "tests/bench/timing.h"

namespace veilsum::bench {

// What one side of a round must do, each part by its kernel and nothing around it: no key
// derivation, no page faults, no look-ups. Words of 32 bits. CPU seconds of the calling thread's
// process.
class KernelSum {
 public:
  explicit KernelSum(std::size_t dim);
  // A client's upload among `active` members: encode, agreements, masks.
  double Client(std::size_t active);
  // The coordinator's sum of `survivors` of `active`, each secret from `shares` shares.
  double Server(std::size_t active, std::size_t survivors, std::size_t shares);
  // `count` masks of the whole vector, all on one piece that stays in the cache.
  double Streams(std::size_t count);
  // `count` uploads added up, each read from memory.
  double Additions(std::size_t count);

 private:
  double Agreements(std::size_t count);
  double Combinations(std::size_t count, std::size_t shares);

  std::vector<std::int64_t> values_;
  Bytes words_;
  Bytes piece_;
  ByteArray<32> secret_;
  secure_agg::X25519PublicKey peer_;
  std::vector<secure_agg::MaskTerm> terms_;
};

}  // namespace veilsum::bench
