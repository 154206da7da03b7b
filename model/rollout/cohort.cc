#include "model/rollout/cohort.h"

#include "base/bytes.h"

namespace veilsum::rollout {

std::uint32_t BucketOf(std::string_view rollout_id, std::string_view unit_id) {
  const Hash32 hash =
      Transcript("veilsum-cohort-v1").AddText(rollout_id).AddU8(0).AddText(unit_id).Sha256();
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) value = value << 8 | hash[i];
  return static_cast<std::uint32_t>(value % kBuckets);
}

}  // namespace veilsum::rollout
